"""What `doctor` looks at: each function names one part of what is in force. No secret, no network.

Something that cannot be read is a fact too, and not in order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance import __version__
from provenance.errors import Forbidden, NotEvaluated, ProvenanceError
from provenance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.oci.credential import Credential

__all__ = [
    "Fact",
    "credentials",
    "network",
    "of_registry",
    "program",
    "settings",
    "storage",
    "trust",
]

_SHOWN_ELSEWHERE = {"ca_bundle", "proxies", "cache_dir"}


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """One line of the report."""

    name: str
    value: str
    origin: str = ""
    """The variable, option or default that it comes from."""
    ok: bool = True


def program() -> Iterator[Fact]:
    """Which program this is."""
    yield Fact("provenance", __version__, str(Path(__file__).parent.parent))
    yield Fact("python", platform.python_version(), sys.executable)
    yield Fact("system", f"{platform.system()} {platform.machine()}")


def _origin(field: str, found: Settings, environ: Mapping[str, str]) -> str:
    """What gave a setting, by trying: no list of variables here could grow old."""

    def of(variables: Mapping[str, str]) -> Any:
        return getattr(Settings.from_environment(variables), field)

    usual, bare = of(environ), of({})
    if getattr(found, field) != usual:
        return "the command line"
    if usual == bare:
        return "default"
    needed = [n for n in environ if of({k: v for k, v in environ.items() if k != n}) != usual]
    # Of two that say the same, neither is needed.
    enough = [n for n in environ if of({n: environ[n]}) == usual]
    return ", ".join(sorted(needed or enough))


def settings(found: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Fact]:
    """Every setting, and what gave it."""
    for field in dataclasses.fields(Settings):
        if field.name not in _SHOWN_ELSEWHERE:
            value: Any = getattr(found, field.name)
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            yield Fact(field.name, text or "none", _origin(field.name, found, environ))


def network(found: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Fact]:
    """Authorities and proxies."""
    from provenance.transport.certificates import certificate_folders, count_authorities
    from provenance.transport.origin import display_url

    origin = _origin("ca_bundle", found, environ)
    bundle = found.ca_bundle
    if bundle is None:
        import certifi

        bundle, origin = Path(certifi.where()), "default: certifi's"
    try:
        yield Fact("ca_bundle", f"{bundle} (certificates: {count_authorities(bundle)})", origin)
    except ProvenanceError as error:
        yield Fact("ca_bundle", error.message, origin, ok=False)
    origin = _origin("proxies", found, environ)
    for scheme, proxy in found.proxies.items():
        url = proxy if "://" in proxy else f"http://{proxy}"
        yield Fact(f"proxy for {scheme}", display_url(url), origin)  # without its password
    if not found.proxies:
        yield Fact("proxies", "none", origin)
    folders = certificate_folders(environ)
    yield Fact("certs.d", ", ".join(map(str, folders)) or "no folder of certificates")


def storage(found: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Fact]:
    """The cache: a folder of one's own that can be written."""
    origin = _origin("cache_dir", found, environ)
    folder = found.cache_dir
    if folder is None:
        yield Fact("cache_dir", "none: nothing is kept", origin)
        return
    try:
        there = next(p for p in (folder, *folder.parents) if p.exists())
        with tempfile.TemporaryFile(dir=there):
            owner = there.stat().st_uid
    except OSError as error:
        yield Fact("cache_dir", f"{folder} cannot be written ({error.strerror})", origin, ok=False)
        return
    mine = not hasattr(os, "geteuid") or owner == os.geteuid()
    state = "" if there == folder else " (not there yet)"
    yield Fact("cache_dir", f"{folder}{state}" if mine else f"{folder} is another's", origin, mine)


def trust(found: Settings) -> Iterator[Fact]:
    """Trust roots at hand: the shipped one, and what was refreshed. Nothing is refreshed now."""
    from provenance.transport.origin import display_url
    from provenance.trust import Trust
    from provenance.trust.tuf_cache import kept_repositories

    try:
        at_hand = Trust.public_good(settings=dataclasses.replace(found, offline=True))
        days = "" if at_hand.age is None else f" ({at_hand.age.days} days ago)"
        yield Fact("without network", f"{at_hand.source}{days}", "Sigstore's public instance")
    except NotEvaluated as error:
        # Too old matters where nothing newer may be fetched.
        yield Fact("without network", error.message, ok=not found.offline)
    known = kept_repositories(found.cache_dir) if found.cache_dir else []
    for file, kept in known:
        if kept is None:
            yield Fact("refreshed", f"{file} cannot be read", "trust update", ok=False)
        else:
            days_ago = (dt.datetime.now(dt.UTC) - kept.fetched).days
            yield Fact("refreshed", f"{display_url(kept.url)}, {days_ago} days ago", str(file))
    if not known:
        yield Fact("refreshed", "never")


def mirrors() -> Iterator[Fact]:
    """The files of `registries.conf` that are in force."""
    from provenance.oci import conf_files

    try:
        files = conf_files.find()
    except ProvenanceError as error:
        yield Fact("registries.conf", error.message, ok=False)
        return
    if not files:
        yield Fact("registries.conf", "no file")
    for file in files:
        try:
            prefixes = [n.prefix for n in conf_files.read([file]).namespaces]
        except ProvenanceError as error:
            yield Fact(str(file), error.message, ok=False)
        else:
            yield Fact(str(file), ", ".join(prefixes) or "says nothing of registries")


def credentials() -> Iterator[Fact]:
    """Sources of credentials, in their order."""
    from provenance.oci.credential_report import credential_sources

    for source in credential_sources():
        yield Fact(source.name, source.state, ok=source.ok)


def of_registry(name: str, found: Settings, *, connect: bool) -> Iterator[Fact]:
    """What is in force for one registry, or a part of one; `connect` asks it, too."""
    from provenance.oci.credentials import find_credential
    from provenance.oci.mirrors import Mirrors
    from provenance.oci.registry import Registry
    from provenance.transport.certificates import certificate_folders, certificates_for

    host, _, path = name.partition("/")
    with Registry(settings=found, mirrors=Mirrors()) as registry:
        base = registry.repository(f"{host}/any").base
    yield Fact("address", base, "plain HTTP" if base.startswith("http:") else "HTTPS")
    credential = None
    try:
        credential = find_credential(host, repository=path)
        yield Fact("credential", *_described(credential))
    except ProvenanceError as error:
        yield Fact("credential", error.message, ok=False)
    try:
        own = certificates_for(host, certificate_folders())
        text = f"authorities: {len(own.authorities)}, client certificates: {len(own.client)}"
        yield Fact("certificates", text if own else "none of its own", str(own.folder or ""))
    except ProvenanceError as error:
        yield Fact("certificates", error.message, ok=False)
    yield _places(name)
    if connect:
        yield _asked(host, base, credential, found)


def _places(name: str) -> Fact:
    """Where it is read, in order."""
    from provenance.oci import conf_files
    from provenance.oci.mirrors import Mirrors
    from provenance.oci.reference import Reference

    reference = Reference.parse(name if "/" in name else f"{name}/any")
    try:
        places = Mirrors.of(conf=conf_files.read(conf_files.find())).places(reference)
    except Forbidden as error:
        return Fact("read from", error.message)
    except ProvenanceError as error:
        return Fact("read from", error.message, ok=False)
    names = [place.name if "/" in name else place.name.removesuffix("/any") for place in places]
    return Fact("read from", ", ".join(names), places[0].source)


def _described(credential: Credential | None) -> tuple[str, str]:
    """Not by its name either: some registries want a token there."""
    if credential is None:
        return "anonymous", ""
    if credential.registry_token:
        return "a ready token", credential.source
    kind = "an identity token" if credential.identity_token else "a name and password"
    return kind, credential.source


def _asked(host: str, base: str, credential: Credential | None, found: Settings) -> Fact:
    from provenance.oci.login import check_login
    from provenance.transport.client import Client
    from provenance.transport.faults import PERHAPS_TLS

    try:
        if credential is not None and not credential.registry_token:
            check_login(host, credential, settings=found)
            return Fact("answer", "takes the credential")
        with Client(found) as client, client.request("GET", f"{base}/v2/") as response:
            known = response.status in {200, 401, 403}
            hint = f": {PERHAPS_TLS}" if response.status == 400 and base.startswith("http:") else ""
            return Fact("answer", f"{response.status}{hint}", ok=known)
    except ProvenanceError as error:
        return Fact("answer", str(error), ok=False)
