"""Who signs: an identity whose certificates last for minutes, or a key that verifiers know."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from provenance.errors import NotEvaluated, SigningError
from provenance.signing.ephemeral import EphemeralKey
from provenance.signing.exchange import ServiceError
from provenance.signing.fulcio import certify
from provenance.signing.pipeline import Credential
from provenance.signing.tokens import certified_as, expiry
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from provenance.attestation.public_key import PublicKey
    from provenance.signing.exchange import Exchange
    from provenance.signing.handle import KeyHandle
    from provenance.signing.signing_config import Choice
    from provenance.verification.signed import Signatory

__all__ = ["Credentials", "Keyless", "Pair"]

_TOKEN_LEFT = 30.0
"""Seconds that a token must still have: the authority's clock may be ahead."""
_CERTIFICATE_LEFT = 120.0
"""Seconds that a certificate must still have: timestamps and log entries are made in them."""


class Credentials(Protocol):
    """What a `Signer` signs with."""

    @property
    def identity(self) -> str:
        """Who is expected to be named."""
        ...

    @property
    def issuer(self) -> str:
        """Who vouches for them; empty for a key."""
        ...

    @property
    def public_key(self) -> PublicKey | None:
        """The key that verifiers know; None: there is a certificate."""
        ...

    def ready(self, exchange: Exchange, authorities: Callable[[], Choice]) -> Credential:
        """What the next signature is made with. Raises SigningError, NotEvaluated."""
        ...

    def confirm(self, signer: Signatory) -> None:
        """Take note of whom a verified signature names."""
        ...

    def discard(self) -> None:
        """Sign with something else from now on: what was signed did not verify."""
        ...


class Pair:
    """A key, wherever its private half is."""

    def __init__(self, handle: KeyHandle) -> None:
        """Sign through `handle`."""
        self._handle = handle
        self.public_key: PublicKey | None = handle.public_key
        self.identity = f"key {handle.public_key.key_id}"
        self.issuer = ""

    def ready(self, exchange: Exchange, authorities: Callable[[], Choice]) -> Credential:  # noqa: ARG002 - a key asks nobody
        """The key."""
        return Credential(self._handle)

    def confirm(self, signer: Signatory) -> None:
        """Nothing: a key is a key."""

    def discard(self) -> None:
        """Nothing: there is no other."""


@dataclass(slots=True)
class _Certified:
    """A key and its certificate, for as long as that is valid."""

    key: EphemeralKey
    certificate: x509.Certificate
    since: float
    """When it was asked for, by the monotonic clock: the wall clock may be set meanwhile."""

    def is_fresh(self) -> bool:
        begin = self.certificate.not_valid_before_utc
        end = self.certificate.not_valid_after_utc
        left = min(
            (end - dt.datetime.now(dt.UTC)).total_seconds(),
            (end - begin).total_seconds() - (time.monotonic() - self.since),
        )
        return left > _CERTIFICATE_LEFT


class Keyless:
    """An identity. Threads share its token and its certificate, of which one at a time is made."""

    public_key: PublicKey | None = None

    def __init__(self, token: str, renew: Callable[[], str] | None) -> None:
        """Begin with `token`; `renew` gets another when it is about to expire.

        Raises:
            SigningError: the token is expired or malformed.
        """
        self.identity, self.issuer = self._named = certified_as(token)
        self._token, self._renew = token, renew
        self._held: _Certified | None = None
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a token must not."""
        raise TypeError("an identity is not pickled")

    def ready(self, exchange: Exchange, authorities: Callable[[], Choice]) -> Credential:
        """A key with a certificate that outlasts the signature."""
        from cryptography.hazmat.primitives.serialization import Encoding

        with self._lock:
            held = self._held
            if held is None or not held.is_fresh():
                held = self._held = self._certify(exchange, authorities())
        return Credential(held.key, held.certificate.public_bytes(Encoding.DER))

    def confirm(self, signer: Signatory) -> None:
        """From now on the identity is the proven one: the token only lets one expect it."""
        self.identity, self.issuer = signer.identity, signer.issuer

    def discard(self) -> None:
        """Ask for another certificate."""
        with self._lock:
            self._held = None

    def _certify(self, exchange: Exchange, authorities: Choice) -> _Certified:
        token = self._current()
        failed: ServiceError | None = None
        for service in authorities.services:
            key, since = EphemeralKey.generate(), time.monotonic()
            try:
                chain = certify(exchange, service.url, token=token, key=key)
            except ServiceError as error:
                failed = failed or error
                continue
            return _Certified(key, chain[0], since)
        if failed is not None:
            raise failed
        raise NotEvaluated(
            "the signing configuration names no certificate authority that can be used now",
            hint="get a newer signing configuration",
        )

    def _current(self) -> str:
        """The token, or the next one where its time is up."""
        now = time.time()
        if expiry(self._token) - now > _TOKEN_LEFT:
            return self._token
        if self._renew is not None:
            token = self._renew()
            named = certified_as(token)
            if named != self._named:
                raise SigningError(
                    f"the renewed identity token is for {named[0]}, not for {self._named[0]}",
                    hint="make another signer for another identity",
                )
            self._token = token
        if expiry(self._token) <= now:
            raise SigningError(
                f"the identity token of {self.identity} has expired",
                hint="get a new one: they live for minutes",
            )
        return self._token
