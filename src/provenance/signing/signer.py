"""`Signer`: who signs, and how. Keyless: a certificate for minutes, a log entry for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import ProvenanceError, SigningError
from provenance.settings import Settings
from provenance.signing.patience import within
from provenance.signing.tokens import certified_as, find_token, is_local
from provenance.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path

    from sigstore.models import ClientTrustConfig
    from sigstore.sign import SigningContext

    from provenance.transport.client import Client

__all__ = ["Signer"]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs statements. Made by `Signer.keyless`. Its token is never shown and never pickled."""

    trust: Trust
    """The instance that is signed with, and that signatures are checked against."""
    identity: str
    """What certificates are expected to name: an e-mail address or a URI. Verifying tells."""
    issuer: str
    """Who vouches for the identity."""
    _token: str = field(repr=False)
    _settings: Settings = field(repr=False)
    """How its services are reached, and how long one signature may take."""

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
            settings: how to reach the trust root, the issuer and the services that sign, and how
                long a signature may take.

        Raises:
            SigningError: there is no identity, the token is expired or malformed, or `offline`
                forbids it.
            NotEvaluated: the trust root could not be had, or names no place to sign.
        """
        settings = settings or Settings.from_environment()
        trust = trust or Trust.public_good(settings=settings)
        if signing_config is not None:
            trust = trust.with_signing_config(signing_config)
        trust.client_config()
        if settings.offline and not is_local(trust):
            raise SigningError(
                f"signing with {trust.source} needs the network, which offline forbids",
                hint="sign where it is allowed",
            )
        token = identity_token or find_token(trust, settings=settings)
        identity, issuer = certified_as(token)
        return cls(trust, identity, issuer, token, settings)

    def sign_statement(self, statement: bytes) -> bytes:
        """Sign an in-toto statement, version 1; returns a Sigstore bundle v0.3 in JSON.

        The statement's bytes are signed as they are. What comes back is checked against the
        trust root: what would not verify is not returned.

        Raises:
            SigningError: the authority, the log or the timestamp service did not do its part, or
                not in time; or the statement is not of a form that is signed.
        """
        from sigstore import dsse
        from sigstore.errors import Error

        try:
            content = dsse.Statement(statement)
        except Error as error:
            raise SigningError(
                f"the statement is not of a form that is signed: {_cause(error)}",
                hint="version 1, subjects with a name and a SHA-2 digest, an object as predicate",
            ) from error
        try:
            return within(self._settings.deadline, lambda: self._sign(content, statement))
        except TimeoutError as error:
            raise SigningError(
                f"{self.trust.source} did not sign within {self._settings.deadline:g} s",
                hint="try again later, or raise Settings.deadline",
            ) from error

    def _sign(self, content: Any, statement: bytes) -> bytes:
        from sigstore.models import InvalidBundle
        from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken
        from sigstore.verify import Verifier

        from provenance.transport.client import Client

        config = self.trust.client_config()
        try:
            token = IdentityToken(self._token)
            with (
                Client(self._settings) as client,
                _services(config, client).signer(token) as signer,
            ):
                bundle = signer.sign_dsse(content)
            checked = Verifier(trusted_root=config.trusted_root).verify_dsse(bundle, _Anyone())
        except (ExpiredIdentity, IdentityError) as error:
            raise SigningError(
                f"the identity token of {self.identity} has expired",
                hint="get a new one: they live for minutes",
            ) from error
        except InvalidBundle as error:
            # A timestamp service that fails is a log line to the library; the bundle lacks a time.
            raise SigningError(
                f"what {self.trust.source} signed is incomplete: {_cause(error)}",
                hint="its timestamp service may be down; try again, nothing was published",
            ) from error
        except ProvenanceError as error:
            raise SigningError(
                f"signing as {self.identity} with {self.trust.source} failed: {error.message}",
                hint=error.hint or "try again; nothing was published",
            ) from error
        # The library raises classes it does not export for what its services answer.
        except Exception as error:
            raise SigningError(
                f"signing as {self.identity} with {self.trust.source} failed: {_cause(error)}",
                hint="try again; nothing was published",
            ) from error
        if checked[1] != statement:
            raise SigningError(
                f"what {self.trust.source} signed is another statement", hint="do not use it"
            )
        return bundle.to_json().encode()


def _services(config: ClientTrustConfig, client: Client) -> SigningContext:
    """The services that `config` names, asked through `client`; for this thread."""
    from sigstore.sign import SigningContext

    from provenance.signing.sessions import reach_through

    named = config.signing_config
    authority, log, clocks = named.get_fulcio(), named.get_tlogs()[0], named.get_tsas()
    for service in (authority, log, *clocks):
        reach_through(client, service)
    return SigningContext(
        fulcio=authority, rekor=log, trusted_root=config.trusted_root, tsa_clients=clocks
    )


class _Anyone:
    """Lets every certificate pass: whose name the authority put in is for verifiers to judge."""

    def verify(self, cert: object) -> None:
        """Pass."""


def _cause(error: BaseException) -> str:
    """What went wrong, in a line; the innermost error where the outer one says nothing."""
    while not str(error) and error.__cause__:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error)[:300]}"
