"""What verification has established, and nothing else: `SignedStatement` and its siblings."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from provenance.attestation.simple_signing import SimpleSigning
    from provenance.attestation.statement import Statement
    from provenance.digests import Digest

__all__ = [
    "Certified",
    "KeyHolder",
    "LogEntry",
    "Signatory",
    "Signed",
    "SignedBlob",
    "SignedImage",
    "SignedStatement",
    "VerifiedTime",
]


@dataclass(frozen=True, slots=True)
class Certified:
    """What a verified Fulcio certificate says of the signer."""

    identity: str
    """The subject alternative name: an e-mail address or a URI."""
    issuer: str
    """The OIDC issuer that vouched for it; empty: none is named, and the authority that certified
    it alone knows whom it certified."""
    extensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Fulcio's other claims, by name (`source-repository-uri`, ...)."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with a plain dict, as a read-only view does not."""
        return type(self), (self.identity, self.issuer, dict(self.extensions))

    def __str__(self) -> str:
        return f"{self.identity} ({f'issuer {self.issuer}' if self.issuer else 'no issuer'})"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whoever holds the private key of a public key that the verifier named."""

    key_id: str
    """`sha256:` and the digest of its SubjectPublicKeyInfo."""

    @property
    def identity(self) -> str:
        """The key: it is all that is known."""
        return f"key {self.key_id}"

    @property
    def issuer(self) -> str:
        """Nobody vouches for a key."""
        return ""

    def __str__(self) -> str:
        return self.identity


Signatory: TypeAlias = Certified | KeyHolder


@dataclass(frozen=True, slots=True)
class VerifiedTime:
    """A time at which the signature is proven to have existed."""

    moment: dt.datetime
    """In UTC."""
    source: str
    """`timestamp-authority` or `log`."""
    authority: str = ""
    """URI of the timestamp authority, or URL of the log, as the trust root names it."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry that is proven to be in a log of the trust root."""

    log: str
    """Its URL, as the trust root names it."""
    index: int
    kind: str
    """E.g. `hashedrekord 0.0.1`."""
    time: dt.datetime | None = None
    """When it was logged, where the log's own signature says so (Rekor v1's promise)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What every kind of proven signature has."""

    signer: Signatory
    times: tuple[VerifiedTime, ...] = ()
    """Every proven time."""
    log_entries: tuple[LogEntry, ...] = ()
    """Every proven entry, in the bundle's order."""
    warnings: tuple[str, ...] = ()
    """What is true but easily misread, for people."""

    def __repr__(self) -> str:
        when = f"{self.time:%Y-%m-%d %H:%M:%S} UTC" if self.time else "a time that is not proven"
        return f"{type(self).__name__}(by {str(self.signer)!r} at {when})"

    @property
    def time(self) -> dt.datetime | None:
        """The earliest proven time: it was signed by then. None: no time is proven."""
        return min((t.moment for t in self.times), default=None)

    @property
    def log_index(self) -> int | None:
        """Of the first proven entry; None: none is proven."""
        return self.log_entries[0].index if self.log_entries else None

    @property
    def identity(self) -> str:
        """Who signed."""
        return self.signer.identity

    @property
    def issuer(self) -> str:
        """Who vouched for them; empty for a key, and where a certificate does not say."""
        return self.signer.issuer


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedStatement(Signed):
    """A statement that is proven to be signed by `signer`."""

    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedImage(Signed):
    """A simple-signing payload (cosign before version 3) that is proven to be signed."""

    payload: SimpleSigning


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedBlob(Signed):
    """A blob that is proven to be signed."""

    digest: Digest
    """Of the blob, as the signature covers it."""


def read_only(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """A copy that cannot be changed."""
    return MappingProxyType(dict(mapping))
