"""`Signer`: who signs, and how. With an identity for the moment, or with a key that lasts."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, Self

from provenance.attestation.statement import PAYLOAD_TYPE, Statement
from provenance.errors import NotEvaluated, ProvenanceError, SigningError
from provenance.settings import Settings
from provenance.signing.credentials import Keyless, Pair
from provenance.signing.exchange import Exchange
from provenance.signing.message import Bytes
from provenance.signing.pipeline import make_bundle
from provenance.signing.record import Envelope
from provenance.signing.signing_config import LOG_VERSIONS, Choice, SigningConfig
from provenance.signing.tokens import find_token, is_local
from provenance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provenance.attestation.public_key import PublicKey
    from provenance.signing.credentials import Credentials
    from provenance.signing.handle import KeyHandle
    from provenance.signing.keys import Password
    from provenance.signing.message import Message
    from provenance.verification.signed import Signed

__all__ = ["Signer"]

_NOBODY = b'{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
"""The root of one who trusts a key and nobody else."""
_NOWHERE = Choice((), 0)


class Signer:
    """Signs statements and bytes. Made by `keyless`, `from_key` or `of`; threads may share it.

    Neither a token nor a key is ever shown or pickled.

    A keyless signer uses one certificate, and the key it was issued for, for as long as it is
    valid: some minutes. Whoever sees two signatures with the same certificate learns that one
    process made them, which their identity and times tell as well.
    """

    def __init__(
        self,
        trust: Trust,
        credentials: Credentials,
        settings: Settings,
        *,
        unsafe_no_log: bool,
        log_versions: tuple[int, ...] = LOG_VERSIONS,
    ) -> None:
        """Called by the constructors below."""
        self._trust, self._credentials, self._settings = trust, credentials, settings
        self._unsafe_no_log = unsafe_no_log
        self._log_versions = log_versions

    def logging_with(self, version: int) -> Self:
        """The same signer, which takes only logs of one version of Rekor: 1 or 2.

        Of the logs that its signing configuration names; the newest is taken otherwise. Older
        verifiers know the promise of Rekor 1 alone.
        """
        return type(self)(
            self._trust,
            self._credentials,
            self._settings,
            unsafe_no_log=self._unsafe_no_log,
            log_versions=(version,),
        )

    @property
    def trust(self) -> Trust:
        """The instance that is signed with, and that signatures are checked against."""
        return self._trust

    @property
    def identity(self) -> str:
        """Whom verifiers will see: an e-mail address, a URI, or `key sha256:…`.

        Of a keyless signer what its token lets one expect, until a signature has proven it.
        """
        return self._credentials.identity

    @property
    def issuer(self) -> str:
        """Who vouches for the identity; empty for a key."""
        return self._credentials.issuer

    @property
    def public_key(self) -> PublicKey | None:
        """What verifiers need; None: the certificates are in the signatures."""
        return self._credentials.public_key

    @property
    def unsafe_no_log(self) -> bool:
        """Whether nothing that it signs is in a transparency log."""
        return self._unsafe_no_log

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a token or key must not."""
        raise TypeError("a signer is not pickled: sign where the identity is, not in workers")

    def __repr__(self) -> str:
        return f"Signer({self.identity!r}, issuer={self.issuer!r}, trust={self.trust!r})"

    @classmethod
    def keyless(
        cls,
        *,
        trust: Trust | None = None,
        signing_config: str | Path | None = None,
        identity_token: str | Callable[[], str] | None = None,
        out_of_band: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """A signer with the identity at hand.

        A token that is about to expire is replaced where that is possible: where it was found
        here, or where it is given as something to call.

        Args:
            trust: the Sigstore instance; None: the public one.
            signing_config: file with where to sign, in place of the trust's own.
            identity_token: an OIDC token, or what returns one; None: SIGSTORE_ID_TOKEN, the CI
                system's, a browser.
            out_of_band: instead of a browser here, a person logs in on another machine and brings
                the code.
            settings: how to reach the trust root, the issuer and the services that sign, and how
                long a signature may take.

        Raises:
            SigningError: there is no identity, the token is expired or malformed, or `offline`
                forbids it.
            NotEvaluated: the trust root could not be had, or names no place to sign.
        """
        settings = settings or Settings.from_environment()
        trust = _place(trust, signing_config, settings)
        if isinstance(identity_token, str):
            held = Keyless(identity_token, None)
        else:
            find = identity_token or functools.partial(
                find_token, trust, settings=settings, out_of_band=out_of_band
            )
            held = Keyless(find(), find)
        return cls(trust, held, settings, unsafe_no_log=False)

    @classmethod
    def from_key(
        cls,
        reference: str | Path,
        *,
        password: Password = None,
        trust: Trust | None = None,
        signing_config: str | Path | None = None,
        unsafe_no_log: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """A signer with a key in a file, a key service or an HSM; cosign's references.

        Args:
            reference: a path, or `awskms://…`, `hashivault://…`, `pkcs11:…`, `env://NAME`, ….
            password: of an encrypted file, or the PIN of a token: the text, or what asks for it
                when it is needed; None: COSIGN_PASSWORD, COSIGN_PKCS11_PIN.
            trust: where to log and stamp what is signed, as in `of`.
            signing_config: as in `of`.
            unsafe_no_log: as in `of`.
            settings: as in `of`; how to reach the key service, too.

        Raises:
            InvalidReference, NotFound, MalformedDocument, UnsupportedFormat: there is no key of
                that reference.
            SigningError: the password is wrong or missing; or as `of`.
            Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: the key
                service did not give it; or as `of`.
        """
        from provenance.signing.keys import open_key

        settings = settings or Settings.from_environment()
        handle = open_key(reference, password=password, settings=settings)
        return cls.of(
            handle,
            trust=trust,
            signing_config=signing_config,
            unsafe_no_log=unsafe_no_log,
            settings=settings,
        )

    @classmethod
    def of(
        cls,
        handle: KeyHandle,
        *,
        trust: Trust | None = None,
        signing_config: str | Path | None = None,
        unsafe_no_log: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """A signer with any key: whatever has `public_key` and `sign(data)`.

        Args:
            handle: the key.
            trust: the Sigstore instance whose logs and timestamp authorities take what is signed;
                None: the public one, or none with `unsafe_no_log`.
            signing_config: file with where to sign, in place of the trust's own.
            unsafe_no_log: leave the log out. Then nobody notices what a stolen key signs, and
                verifiers must be told to accept that. With a `trust`, timestamps are still made.
            settings: how to reach the services, and how long a signature may take.

        Raises:
            SigningError: `offline` forbids it.
            NotEvaluated: the trust root could not be had, or names no place to sign.
        """
        settings = settings or Settings.from_environment()
        if unsafe_no_log and trust is None and signing_config is None:
            trust = Trust(_NOBODY, source="no Sigstore instance")
        else:
            trust = _place(trust, signing_config, settings)
        return cls(trust, Pair(handle), settings, unsafe_no_log=unsafe_no_log)

    def sign_statement(self, statement: bytes) -> bytes:
        """Sign an in-toto statement, version 0.1 or 1; returns a Sigstore bundle v0.3 in JSON.

        The statement's bytes are signed as they are. What comes back is checked against the
        trust root: what would not verify is not returned.

        Raises:
            SigningError: the key, the authority, a log or a timestamp service did not do its
                part, or not in time; or the statement is not of a form that is signed.
            NotEvaluated: no service that is needed can be used now.
        """
        from provenance.verification import verify_bundle

        try:
            Statement.parse(statement)
        except ProvenanceError as error:
            raise SigningError(
                f"the statement is not of a form that is signed: {error.message}",
                hint="expected an in-toto statement, version 0.1 or 1",
            ) from error

        def check(bundle: bytes) -> Signed:
            found = verify_bundle(
                bundle,
                None,
                trust=self.trust,
                identity=None,
                key=self.public_key,
                unsafe_no_log=self.unsafe_no_log,
            )
            if found.statement.raw != statement:
                raise SigningError("another statement came back", hint="do not use it")
            return found

        return self._sign(Envelope(PAYLOAD_TYPE, statement), check)

    def sign_payload(self, payload: bytes) -> bytes:
        """Sign bytes as they are; returns a Sigstore bundle v0.3 with a message signature.

        Raises what `sign_statement` raises.
        """
        return self.sign_message(Bytes(payload))

    def sign_message(self, message: Message) -> bytes:
        """Like `sign_payload`, of what need not be in memory. Raises what `message` raises, too."""
        from provenance.digests import Digest
        from provenance.signing.algorithms import scheme_of
        from provenance.verification import verify_blob_bundle

        key = self.public_key
        hash_ = scheme_of(key.algorithm).hash if key is not None else "sha256"

        def check(bundle: bytes) -> Signed:
            artifact = Digest(f"{hash_}:{message.digest(hash_).hex()}") if hash_ else message.read()
            return verify_blob_bundle(
                bundle,
                artifact,
                trust=self.trust,
                identity=None,
                key=key,
                unsafe_no_log=self.unsafe_no_log,
            )

        return self._sign(message, check)

    def _sign(self, what: Message | Envelope, check: Callable[[bytes], Signed]) -> bytes:
        from provenance.transport.client import Client

        source = self.trust.source
        try:
            now = dt.datetime.now(dt.UTC)
            logs, clocks, authorities = self._services(now)
            known = self.trust.material.logs
            with Client(self._settings) as client:
                exchange = Exchange(client)
                credential = self._credentials.ready(exchange, authorities)
                bundle = make_bundle(
                    what, credential, exchange=exchange, logs=logs, clocks=clocks, known=known
                )
        except SigningError as error:
            raise SigningError(
                f"signing as {self.identity} with {source} failed: {error.message}",
                hint=error.hint or "try again",
            ) from error
        try:
            found = check(bundle)
            _check_counts(found, logs, clocks)
            self._credentials.confirm(found.signer)
        except ProvenanceError as error:
            self._credentials.discard()
            raise SigningError(
                f"what was signed as {self.identity} with {source} does not verify: "
                f"{error.message}",
                hint="are the services those of the trust root? Do not use it",
            ) from error
        return bundle

    def _services(self, now: dt.datetime) -> tuple[Choice, Choice, Callable[[], Choice]]:
        """Logs, timestamp authorities and certificate authorities to use now."""
        if self.trust.signing_config is None:
            return _NOWHERE, _NOWHERE, lambda: _NOWHERE
        config = SigningConfig.parse(self.trust.signing_config)
        logs = _NOWHERE if self.unsafe_no_log else config.logs(now, self._log_versions)
        if not logs.needed and not self.unsafe_no_log and self.trust.has_logs:
            raise NotEvaluated(
                "the signing configuration names no transparency log that can be used now",
                hint="get a newer signing configuration",
            )
        return logs, config.clocks(now), lambda: config.authorities(now)


def _check_counts(found: Signed, logs: Choice, clocks: Choice) -> None:
    """See that every service did its part: verifiers are content with one that did."""
    stamped = sum(time.source == "timestamp-authority" for time in found.times)
    for what, proven, needed in (
        ("log entries", len(found.log_entries), logs.needed),
        ("timestamps", stamped, clocks.needed),
    ):
        if proven < needed:
            raise SigningError(
                f"of {needed} {what} only {proven} verify",
                hint="one of the services is not one of the trust root",
            )


def _place(trust: Trust | None, signing_config: str | Path | None, settings: Settings) -> Trust:
    """The instance to sign with. Raises NotEvaluated, MalformedDocument, SigningError."""
    if trust is None and settings.offline and signing_config is None:
        raise SigningError(
            "signing with Sigstore's public instance needs the network, which offline forbids",
            hint="sign where it is allowed, or name an instance on this machine (trust=)",
        )
    trust = trust or Trust.public_good(settings=settings)
    if signing_config is not None:
        with ProvenanceError.located_at(signing_config):
            trust = trust.with_signing_config(signing_config)
            SigningConfig.parse(trust.signing_config or b"")
    if trust.signing_config is None:
        raise NotEvaluated(
            f"the trust root of {trust.source} says nothing of where to sign",
            hint="give a signing configuration (signing_config=, --signing-config)",
        )
    SigningConfig.parse(trust.signing_config)
    if settings.offline and not is_local(trust):
        raise SigningError(
            f"signing with {trust.source} needs the network, which offline forbids",
            hint="sign where it is allowed",
        )
    return trust
