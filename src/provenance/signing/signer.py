"""`Signer`: who signs, and how. Keyless: a certificate for minutes, a log entry for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import SigningError
from provenance.signing.tokens import find_token
from provenance.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.settings import Settings

__all__ = ["Signer"]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs statements. Made by `Signer.keyless`. Its token is never shown and never pickled."""

    trust: Trust
    """The instance that is signed with, and that signatures are checked against."""
    identity: str
    """What certificates will name: an e-mail address or a URI."""
    issuer: str
    """Who vouches for the identity."""
    _token: str = field(repr=False)

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a token must not."""
        raise TypeError("a signer is not pickled: sign where the identity is, not in workers")

    @classmethod
    def keyless(
        cls,
        *,
        trust: Trust | None = None,
        signing_config: str | Path | None = None,
        identity_token: str | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """A signer with the identity at hand.

        Args:
            trust: the Sigstore instance; None: the public one.
            signing_config: file with where to sign, in place of the trust's own.
            identity_token: an OIDC token; None: SIGSTORE_ID_TOKEN, the CI system's, a browser.
            settings: how to reach the trust root.

        Raises:
            SigningError: there is no identity, or the token is expired or malformed.
            NotEvaluated: the trust root could not be had, or names no place to sign.
        """
        from sigstore.oidc import IdentityError, IdentityToken

        trust = trust or Trust.public_good(settings=settings)
        if signing_config is not None:
            trust = trust.with_signing_config(signing_config)
        trust.client_config()
        token = identity_token or find_token(trust)
        try:
            parsed = IdentityToken(token)
        except IdentityError as error:
            raise SigningError(
                "the identity token is expired, malformed or not for Sigstore",
                hint="get a new one with audience `sigstore`",
            ) from error
        return cls(trust, parsed.identity, parsed.federated_issuer, token)

    def sign_statement(self, statement: bytes) -> bytes:
        """Sign an in-toto statement, version 1; returns a Sigstore bundle v0.3 in JSON.

        The statement's bytes are signed as they are. What comes back is not yet verified:
        `provenance.sign` and `provenance.attest` do that before anything is published.

        Raises:
            SigningError: the authority, the log or the timestamp service did not do its part.
        """
        from sigstore import dsse
        from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken
        from sigstore.sign import SigningContext

        try:
            content = dsse.Statement(statement)
            context = SigningContext.from_trust_config(self.trust.client_config())
            with context.signer(IdentityToken(self._token)) as signer:
                bundle = signer.sign_dsse(content)
        except (ExpiredIdentity, IdentityError) as error:
            raise SigningError(
                f"the identity token of {self.identity} has expired",
                hint="get a new one: they live for minutes",
            ) from error
        # The library raises classes it does not export for what its services answer.
        except Exception as error:
            raise SigningError(
                f"signing as {self.identity} with {self.trust.source} failed: {_cause(error)}",
                hint="try again; nothing was published",
            ) from error
        return bundle.to_json().encode()


def _cause(error: BaseException) -> str:
    """What went wrong, in a line; the innermost error where the outer one says nothing."""
    while not str(error) and error.__cause__:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error)[:300]}"
