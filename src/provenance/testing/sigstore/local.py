"""`LocalSigstore`: the embedded Sigstore as a context manager."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.testing.sigstore.bundles import Forger
from provenance.testing.sigstore.ca import CertificateAuthority
from provenance.testing.sigstore.log import Log
from provenance.testing.sigstore.oidc import Issuer
from provenance.testing.sigstore.service import PARTS, Service
from provenance.testing.sigstore.timestamps import TimestampAuthority
from provenance.testing.sigstore.trust_material import (
    client_trust_config,
    encode,
    signing_config,
    trusted_root,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from provenance.signing import Signer
    from provenance.testing.registry import RecordedRequest
    from provenance.trust import Trust

__all__ = ["LocalSigstore"]


class LocalSigstore:
    """CA with CT log, Rekor v2, timestamp authority and OIDC issuer, on one loopback port.

    >>> with LocalSigstore() as sigstore:
    ...     token = sigstore.token("dev@example.com")
    ...     root = sigstore.trusted_root_json

    Its parts `ca`, `log`, `tsa` and `oidc` are open to tests, and `forger()` makes with them
    what no honest client gets. Another instance has other keys: what it signs is not trusted.
    """

    def __init__(self, *, now: Callable[[], dt.datetime] | None = None) -> None:
        """Make keys; `start()` or `with` opens the port.

        Args:
            now: the clock of every part, returns an aware datetime; None: the real one.
        """
        self.now = now or (lambda: dt.datetime.now(dt.UTC))
        if self.now().tzinfo is None:
            raise ValueError("the clock must return aware datetimes: datetime.now(UTC)")
        self.oidc = Issuer(self.now)
        self.ca = CertificateAuthority(self.now)
        # Clients take the host name of the log's URL for its origin.
        self.log = Log("127.0.0.1")
        self.tsa = TimestampAuthority(self.now)
        self._service: Service | None = None
        self._url = ""
        self._requests: list[RecordedRequest] = []
        self._trusted_from = self.now() - dt.timedelta(days=365)

    # Running

    def start(self) -> Self:
        """Open the port. RuntimeError once it was stopped: its URL is in what it issued."""
        if self._service is None:
            if self._url:
                raise RuntimeError("the sigstore was stopped: make another")
            self._service = Service(self.oidc, self.ca, self.log, self.tsa)
            self._url = self.oidc.url = self._service.url
            self._requests = self._service.requests
        return self

    def stop(self) -> None:
        """Close the port. The trust root stays readable: verification needs no service."""
        service, self._service = self._service, None
        if service is not None:
            service.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = self._url if self._service is not None else "stopped"
        return f"LocalSigstore({state!r}, entries={len(self.log.bodies)})"

    @property
    def url(self) -> str:
        """Where every service is. RuntimeError before `start()`."""
        if not self._url:
            raise RuntimeError("the sigstore is not running: use it in a with block, or start() it")
        return self._url

    @property
    def requests(self) -> list[RecordedRequest]:
        """What was asked, in the order of the answers."""
        return list(self._requests)

    def fail(self, part: str, status: int = 503) -> None:
        """Let `ca`, `log`, `tsa` or `oidc` answer `status` until `recover()`."""
        if part not in PARTS:
            raise ValueError(f"no part {part!r}: expected one of {', '.join(PARTS)}")
        self._running().failures[part] = status

    def recover(self) -> None:
        """Let every part work again."""
        self._running().failures.clear()
        self.log.omits = False

    # Signing

    @property
    def issuer(self) -> str:
        """The OIDC issuer's URL, as certificates name it."""
        return self.url

    def token(self, identity: str = "dev@example.com", **claims: Any) -> str:
        """An ID token for an e-mail address, URI or user name.

        GitHub's claims (`repository`, `ref`, `sha`, `run_id`, ...) become the extensions of a
        workflow's certificate; `iss` speaks for another issuer, `exp` sets another end.
        """
        _ = self.url
        return self.oidc.token(identity, claims)

    def signer(self, identity: str = "dev@example.com", **claims: Any) -> Signer:
        """A keyless signer for `identity`; `claims` as in `token`."""
        from provenance.signing import Signer

        return Signer.keyless(trust=self.trust, identity_token=self.token(identity, **claims))

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Every log entry as TransparencyLogEntry JSON, proven in the log as it is now."""
        return self.log.entries

    def forger(self, identity: str = "dev@example.com", **options: Any) -> Forger:
        """Makes bundles without asking anybody; `options` are the fields of `Forger`."""
        forger = Forger(
            ca=self.ca, log=self.log, tsa=self.tsa, identity=identity, issuer=self.issuer
        )
        return replace(forger, **options)

    # Trusting

    @property
    def trusted_root_json(self) -> bytes:
        """The trust root."""
        return encode(self._root())

    @property
    def signing_config_json(self) -> bytes:
        """The signing configuration, version 0.2."""
        return encode(signing_config(self.url, self._trusted_from))

    @property
    def client_trust_config_json(self) -> bytes:
        """Both in one document."""
        config = signing_config(self.url, self._trusted_from)
        return encode(client_trust_config(self._root(), config))

    def write_trusted_root(self, path: Path | str) -> Path:
        """Write the trust root to a file, for `--trusted-root`."""
        return _write(path, self.trusted_root_json)

    def write_signing_config(self, path: Path | str) -> Path:
        """Write the signing configuration to a file, for `--signing-config`."""
        return _write(path, self.signing_config_json)

    @property
    def trust(self) -> Trust:
        """The trust root as this library takes it, with where to sign."""
        from provenance.trust import Trust

        source = f"the local Sigstore at {self.url}"
        config = self.signing_config_json
        return Trust.from_json(self.trusted_root_json, signing_config=config, source=source)

    def _root(self) -> dict[str, Any]:
        return trusted_root(self.url, self.ca, self.log, self.tsa, self._trusted_from)

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the sigstore is not running: use it in a with block, or start() it")
        return self._service


def _write(path: Path | str, data: bytes) -> Path:
    target = Path(path)
    target.write_bytes(data)
    return target
