"""Keys that a service holds: what comes back is checked, and what goes wrong has a type."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.errors import (
    Forbidden,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    SigningError,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.encryption import see_encrypted
from provenance.signing.keys.schemes import check_signature, hash_of, to_be_signed
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url, is_loopback_host, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.attestation.public_key import PublicKey
    from provenance.settings import Settings
    from provenance.transport.client import Client

__all__ = ["Ask", "ServiceKey", "ask_json", "fetch_public", "needed", "refusal", "understood"]

Ask: TypeAlias = Callable[[bytes], bytes]
"""By a service, a digest to the signature over it; for Ed25519 the data itself."""


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key that a service holds and never gives away: a `DigestHandle`."""

    public_key: PublicKey
    """What verifiers are given."""
    reference: str
    """Where the key is, without secrets."""
    _ask: Ask = field(repr=False, compare=False)

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a login must not."""
        raise TypeError("a key handle is not pickled: open it where it is used")

    def sign(self, data: bytes, /) -> bytes:
        """The signature over `data`, as `KeyHandle.sign` says.

        Raises:
            SigningError: the service refused or did not answer, or what it gave is no signature
                of its key over `data`.
        """
        return self._sign(to_be_signed(self.public_key, data))

    def sign_digest(self, digest: bytes, /) -> bytes:
        """The same for data that hashes to `digest`, as `DigestHandle.sign_digest` says."""
        if not hash_of(self.public_key):
            raise SigningError("an Ed25519 key signs data, not its digest")
        return self._sign(digest)

    def _sign(self, what: bytes) -> bytes:
        try:
            signature = self._ask(what)
        except SigningError:
            raise
        except ProvenanceError as error:
            raise SigningError(
                f"{self.reference} did not sign: {error.message}", hint=error.hint
            ) from error
        check_signature(self.public_key, what, signature)
        return signature


def needed(module: str, extra: str) -> Any:
    """A library that only some keys need.

    Raises:
        UnsupportedFormat: it is not installed; names the extra that installs it.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedFormat(
            f"{module} is not installed, which this key needs",
            hint=f"pip install 'oci-provenance[{extra}]'",
        ) from error


@contextmanager
def understood(reference: object) -> Iterator[None]:
    """Whatever a service's library raises of an answer that means nothing, as our error.

    Their readers are written for honest services: of others they raise what comes up.
    """
    try:
        yield
    except ProvenanceError:
        raise
    except Exception as error:
        raise NotEvaluated(
            f"{reference} answered what means nothing here ({type(error).__name__})",
            hint="is that the address of the service?",
        ) from error


def ask_json(
    client: Client,
    method: str,
    url: str,
    *,
    secret: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What a service answers to whoever holds `secret` (a bearer token).

    Redirects are not followed: they are for people, or lead to where the secret must not go.

    Raises:
        NotEvaluated: the secret would travel unencrypted, or an answer without meaning.
        NotFound, Unauthorized, Forbidden, RateLimited, RegistryUnavailable: it did not give one.
    """
    see_encrypted(url, client.settings)
    sent = None if body is None else json.dumps(body).encode()
    more = {"Content-Type": "application/json"} if sent is not None else {}
    with client.request(
        method,
        url,
        headers={**(headers or {}), **more},
        authorization=f"Bearer {secret}",
        body=sent,
        follow=False,
        repeat=True,  # to sign twice harms nobody
    ) as answer:
        status, wait = answer.status, answer.retry_after
        raw = answer.read_capped(client.limits.trust_bytes)
    if status != 200:
        raise refusal(status, display_url(url), wait)
    return decode_object(raw)


def fetch_public(url: str, settings: Settings) -> bytes:
    """A public key's file on a web server: what it says is trusted, so it comes encrypted.

    Raises:
        NotEvaluated: `offline`, or it would come unencrypted.
        NotFound, RateLimited, RegistryUnavailable, LimitExceeded: it was not given.
    """
    from provenance.transport.client import Client

    if settings.offline and not is_loopback_host(origin_of(url)[1]):
        raise NotEvaluated(
            f"the key at {display_url(url)} needs the network, which offline forbids",
            hint="keep the key in a file",
        )
    see_encrypted(url, settings)
    with Client(settings) as client, client.request("GET", url) as answer:
        if answer.status != 200:
            raise refusal(answer.status, display_url(url), answer.retry_after)
        return answer.read_capped(client.limits.token_bytes, "key")


def refusal(status: int, where: str, wait: float | None = None) -> ProvenanceError:
    """The error for an HTTP status; its body may quote secrets, so it is not repeated."""
    said = f"{where} answered {status}"
    if status == 404:
        return NotFound(f"there is no such key: {said}", hint="check its name, and whose it is")
    if status == 401:
        return Unauthorized(said, hint="log in to the key service, or renew the login")
    if status == 403:
        return Forbidden(said, hint="this login may not use the key, or has expired")
    if status == 429:
        return RateLimited(said, retry_after=wait, hint="try again later")
    if status >= 500:
        return RegistryUnavailable(said, hint="the key service is out of order; try again later")
    return NotEvaluated(said, hint="check the key reference and the address of the service")
