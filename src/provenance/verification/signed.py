"""`SignedStatement`: what verification has established, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from provenance.attestation.statement import Statement

__all__ = ["Certified", "SignedStatement"]


@dataclass(frozen=True, slots=True)
class Certified:
    """What a verified Fulcio certificate says of the signer."""

    identity: str
    """The subject alternative name: an e-mail address or a URI."""
    issuer: str
    """The OIDC issuer that vouched for it."""
    extensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Fulcio's other claims, by name (`source-repository-uri`, ...)."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with a plain dict, as a read-only view does not."""
        return type(self), (self.identity, self.issuer, dict(self.extensions))

    def __str__(self) -> str:
        return f"{self.identity} (issuer {self.issuer})"


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement that is proven to be signed by `signer`."""

    statement: Statement
    signer: Certified
    time: dt.datetime | None
    """When it was signed, as a timestamp authority or log proved; None: not proven to one time."""
    log_index: int | None
    """Its place in the transparency log, as the inclusion proof or the log's promise proved."""

    @property
    def identity(self) -> str:
        """Who signed."""
        return self.signer.identity

    @property
    def issuer(self) -> str:
        """Who vouched for them."""
        return self.signer.issuer


def read_only(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """A copy that cannot be changed."""
    return MappingProxyType(dict(mapping))
