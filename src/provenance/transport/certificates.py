"""Certificates of single registries: authorities to trust, and client certificates to show.

Source: containers-certs.d(5), Docker's `/etc/docker/certs.d`. A folder `HOST:PORT`, written as
references write it, holds `*.crt` (authorities) and pairs of `NAME.cert` and `NAME.key`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["HostCertificates", "certificate_folders", "certificates_for", "count_authorities"]

_SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))
# One component of a path, which may come from a redirect: never "..", never more than one.
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+", re.ASCII)  # openssl-rehash(1)
_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostCertificates:
    """What to use for one host. False when there is nothing."""

    authorities: tuple[Path, ...] = ()
    """PEM files of authorities to trust for this host beside the others."""
    client: tuple[tuple[Path, Path], ...] = ()
    """PEM files of client certificates, each with its key."""
    folder: Path | None = None
    """Where they are."""

    def __bool__(self) -> bool:
        return bool(self.authorities or self.client)


def certificate_folders(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The `certs.d` folders there are, the user's own first. Most machines have none."""
    env = os.environ if environ is None else environ
    home = env.get("HOME")
    own = (Path(home) / ".config" / "containers" / "certs.d",) if home else ()
    return tuple(folder for folder in (*own, *_SYSTEM) if _is_folder(folder))


def _is_folder(path: Path) -> bool:
    # One that may not be looked into is skipped, as podman does: /etc/docker is closed to users
    # on some systems. What is missed can only make a connection fail.
    try:
        return path.is_dir()
    except OSError:
        return False


def certificates_for(host: str, folders: Iterable[Path]) -> HostCertificates:
    """The certificates of `host`: those of the first folder that knows it.

    Args:
        host: as a reference writes it, with the port where it has one: `ghcr.io`,
            `localhost:5000`, `[::1]:5000`. It is matched whole.
        folders: as `certificate_folders` gives them. Without any, nothing is looked at.

    Raises:
        NotEvaluated: the host's folder cannot be read, or a pair is not complete.
    """
    if _HOST.fullmatch(host) is None:
        return HostCertificates()
    for folder in folders:
        own = folder / host
        if _is_folder(own):
            return _read(own)
    return HostCertificates()


def _read(folder: Path) -> HostCertificates:
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise NotEvaluated(
            f"the certificates in {folder} cannot be read ({error.strerror})",
            hint="make the folder readable, or remove it",
        ) from error
    for name in names:
        stem, dot, kind = name.rpartition(".")
        other = {"cert": "key", "key": "cert"}.get(kind)
        if dot and other and f"{stem}.{other}" not in names:
            raise NotEvaluated(
                f"{folder / name} has no {stem}.{other} beside it",
                hint="a client certificate is NAME.cert with NAME.key; an authority is NAME.crt",
            )
    return HostCertificates(
        tuple(folder / name for name in names if name.endswith(".crt")),
        tuple(
            (folder / name, folder / f"{name.removesuffix('cert')}key")
            for name in names
            if name.endswith(".cert")
        ),
        folder,
    )


def count_authorities(bundle: Path) -> int:
    """How many certificates a PEM file, or a folder of them as OpenSSL has it, holds.

    Raises NotEvaluated: it cannot be read, or holds none.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if bundle.is_dir():
            return sum(_HASHED.fullmatch(file.name) is not None for file in bundle.iterdir())
        context.load_verify_locations(cafile=bundle)
    except ssl.SSLError as error:
        raise NotEvaluated(
            f"{bundle} holds no certificates in PEM", hint="name a file that does"
        ) from error
    except OSError as error:
        raise NotEvaluated(
            f"{bundle} cannot be read ({error.strerror})", hint="name a file that can"
        ) from error
    return context.cert_store_stats()["x509"]
