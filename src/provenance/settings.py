"""What a caller may set: `Limits` on everything read, `Settings` of how it is fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Limits", "Settings"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_NO = frozenset({"", "0", "false", "no", "off", "f", "n"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what is read. Meeting one raises `LimitExceeded`, never truncates.

    Bytes are bytes as they arrive, or after decompression where that is said.
    """

    manifest_bytes: int = 4 * MIB
    """A manifest or index: what distribution-spec asks registries to take."""
    token_bytes: int = 64 * KIB
    """A token service's answer."""
    error_bytes: int = 64 * KIB
    """The body of an error answer."""
    config_bytes: int = 8 * MIB
    """An image's config."""
    bundle_bytes: int = 128 * MIB
    """A signature bundle or attestation (cosign's own cap)."""
    document_bytes: int = 512 * MIB
    """An SBOM document."""
    document_depth: int = 200
    """Nesting of a JSON document."""
    trust_bytes: int = 8 * MIB
    """A trust root or signing configuration."""
    pages: int = 100
    """Pages of one listing."""
    referrers: int = 1000
    """Referrers of one subject that are looked at."""
    signatures: int = 1000
    """Signatures in one manifest of cosign's older form that are looked at (cosign's own cap). Each
    is a layer, so that `layers` and `manifest_bytes` hold too."""
    evidence_bytes: int = 1 * GIB
    """All manifests, bundles and signatures that one call reads beside one image."""
    manifests: int = 10_000
    """Manifests that one copy takes along, or of which the SBOMs of an index are made."""
    tags: int = 100_000
    """Tags of one repository."""
    redirects: int = 5
    """Redirects of one request."""
    layers: int = 1000
    """Layers of one manifest: of an image, or signatures of cosign's older form."""
    blob_bytes: int = 64 * GIB
    """One blob as stored."""
    layer_bytes: int = 64 * GIB
    """One layer after decompression."""
    layer_ratio: int = 1200
    """Decompressed to compressed bytes, checked above 64 MiB (gzip itself ends near 1032)."""
    entries: int = 5_000_000
    """Entries of one layer's tar."""
    path_bytes: int = 4096
    """One path or link target in a tar (Linux' PATH_MAX)."""
    file_bytes: int = 64 * MIB
    """One file's body that is kept in memory."""
    files_bytes: int = 512 * MIB
    """All bodies one call keeps in memory."""
    spooled_bytes: int = 2 * GIB
    """One file's body that is cataloged whole, beyond some megabytes out of a temporary file. The
    one cap that does not raise: a larger file is not read, which is a finding of the SBOM."""
    link_hops: int = 40
    """Links followed to resolve one path (Linux' MAXSYMLINKS)."""
    pull_bytes: int = 16 * GIB
    """What one pull writes to disk."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How things are fetched. Frozen; `from_environment` is the one place that reads variables."""

    ca_bundle: Path | None = None
    """PEM file (or OpenSSL's folder) of the only authorities to trust; None: Mozilla's list."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """Proxy URL by scheme (`http`, `https`); may hold a password, so it is never shown."""
    no_proxy: str = ""
    """Comma-separated hosts that are reached directly."""
    timeout: float = 30.0
    """Seconds for a connection or between two bytes of an answer."""
    deadline: float = 900.0
    """Seconds for one request with all its retries and waits; a blob has more by its size."""
    slowest: int = 64 * KIB
    """Bytes a second: a blob of this many has one second more than `deadline`."""
    upload_chunk: int = 0
    """Bytes of one part of an upload; 0: all in one."""
    retries: int = 3
    """Tries after the first, of idempotent requests: for 429, 502, 503, 504 and broken connections,
    for 500 too where something is read, and for a blob that breaks off on its way."""
    retry_wait: float = 20.0
    """Seconds that one wait (Retry-After included) may take; longer means RateLimited at once."""
    plain_http: tuple[str, ...] = ()
    """Registries, by host and port, spoken to in plain HTTP; those on loopback are anyway."""
    encrypted: tuple[str, ...] = ()
    """Registries, by host and port, on loopback that speak HTTPS all the same."""
    token_services: tuple[str, ...] = ()
    """Hosts (with the port where there is one) that a registry may send logins to although they
    are inside a private network and it is not."""
    offline: bool = False
    """Stop trust, log and database requests. A registry the caller names is still read."""
    max_trust_age: int = 180
    """Days after which trust material that was not refreshed proves nothing."""
    user_agent: str = "oci-provenance"
    cache_dir: Path | None = None
    """Where caches live; None switches them off."""
    workers: int = 8
    """Threads for one call's input and output."""
    evidence_repository: str = ""
    """Repository where signatures and statements of images in registries lie; empty: beside them.
    Cosign's COSIGN_REPOSITORY."""

    inline_predicate: int = 1 * MIB
    """Bytes of the largest predicate that stands in a statement itself where the log is sent the
    statement whole (Rekor v1). A larger one is stored beside the image, and the statement refers to
    it. The public log refuses 3.5 MB without naming its limit (rekor #2808, sage-monorepo #3982).
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the names and passwords of proxies: those stay on this machine."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told["proxies"] = {s: _anonymous(p) for s, p in self.proxies.items()}
        return _restored, (type(self), told)

    def __repr__(self) -> str:
        """Without proxies, whose URLs may hold passwords."""
        return f"Settings(timeout={self.timeout}, deadline={self.deadline}, offline={self.offline})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings that environment variables ask for.

        Reads REQUESTS_CA_BUNDLE or SSL_CERT_FILE, HTTP(S)_PROXY, NO_PROXY (either case),
        PROVENANCE_OFFLINE, PROVENANCE_CACHE_DIR, XDG_CACHE_HOME, HOME, COSIGN_REPOSITORY; a user
        without a home has no cache. The environment can forbid network use, never relax a check.
        """
        env = os.environ if environ is None else environ

        def either(name: str) -> str:
            return env.get(name.lower()) or env.get(name) or ""

        ca = env.get("REQUESTS_CA_BUNDLE") or env.get("SSL_CERT_FILE")
        proxies = {s: p for s in ("http", "https") if (p := either(f"{s.upper()}_PROXY"))}
        return cls(
            ca_bundle=Path(ca) if ca else None,
            proxies=proxies,
            no_proxy=either("NO_PROXY"),
            # What is not plainly a no forbids: `on` must not be taken for one.
            offline=env.get("PROVENANCE_OFFLINE", "").strip().lower() not in _NO,
            cache_dir=_cache_dir(env),
            evidence_repository=env.get("COSIGN_REPOSITORY", ""),
        )


def _restored(kind: type[Settings], told: dict[str, Any]) -> Settings:
    return kind(**told)


def _anonymous(url: str) -> str:
    """A proxy's URL, which may lack the scheme, without the name and password in it."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _cache_dir(env: Mapping[str, str]) -> Path | None:
    """Where caches live; None for a user without a home, as containers have them."""
    if own := env.get("PROVENANCE_CACHE_DIR"):
        return Path(own)
    if base := env.get("XDG_CACHE_HOME"):
        return Path(base) / "provenance"
    try:
        home = Path(env.get("HOME") or "~").expanduser()
    except RuntimeError:
        return None
    return home / ".cache" / "provenance"
