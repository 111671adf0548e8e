"""`LocalSigstore`: the embedded Sigstore as a context manager."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.testing.sigstore.ca import CertificateAuthority
from provenance.testing.sigstore.log import Log
from provenance.testing.sigstore.oidc import Issuer
from provenance.testing.sigstore.service import Service
from provenance.testing.sigstore.timestamps import TimestampAuthority
from provenance.testing.sigstore.trust_material import signing_config, trusted_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from provenance.signing import Signer
    from provenance.trust import Trust

__all__ = ["LocalSigstore"]


class LocalSigstore:
    """CA with CT log, Rekor v2, timestamp authority and OIDC issuer, on one loopback port.

    >>> with LocalSigstore() as sigstore:
    ...     token = sigstore.token("dev@example.com")

    Its parts (`ca`, `log`, `tsa`, `oidc`) are open to tests that need what no honest
    Sigstore issues.
    """

    def __init__(self, *, now: Callable[[], dt.datetime] | None = None) -> None:
        """Make keys; `start()` or `with` opens the port.

        Args:
            now: the clock, an aware datetime; None: the real one.
        """
        self.now = now or (lambda: dt.datetime.now(dt.UTC))
        self.oidc = Issuer(self.now)
        self.ca = CertificateAuthority(self.now)
        # Clients take the host name of the log's URL for its origin.
        self.log = Log("127.0.0.1")
        self.tsa = TimestampAuthority(self.now)
        self._service: Service | None = None
        self._url = ""
        self._start = self.now() - dt.timedelta(days=365)

    def start(self) -> Self:
        """Open the port. Once stopped, it cannot be started again: its URL is in its tokens."""
        if self._service is None:
            self._service = Service(self.oidc, self.ca, self.log, self.tsa)
            self._url = self.oidc.url = self._service.url
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
        """Where every service is."""
        return self._url

    @property
    def issuer(self) -> str:
        """The OIDC issuer's URL, as certificates name it."""
        return self._url

    def token(self, identity: str = "dev@example.com", **claims: Any) -> str:
        """An ID token for an e-mail address or URI; `claims` as the CA's extensions use them."""
        return self.oidc.token(identity, claims)

    def fail(self, part: str, status: int = 503) -> None:
        """Let `ca`, `log`, `tsa` or `oidc` answer `status` until `recover()`."""
        self._running().failures[part] = status

    def recover(self) -> None:
        """Let every part work again."""
        self._running().failures.clear()

    @property
    def trusted_root_json(self) -> bytes:
        """The trust root."""
        return trusted_root(self._url, self.ca, self.log, self.tsa, self._start)

    @property
    def signing_config_json(self) -> bytes:
        """The signing configuration."""
        return signing_config(self._url, self._start)

    def write_trusted_root(self, path: Path | str) -> Path:
        """Write the trust root to a file, for `--trusted-root`."""
        return _write(path, self.trusted_root_json)

    def write_signing_config(self, path: Path | str) -> Path:
        """Write the signing configuration to a file, for `--signing-config`."""
        return _write(path, self.signing_config_json)

    @property
    def trust(self) -> Trust:
        """The trust root as this library takes it, with the signing configuration."""
        from provenance.trust import Trust

        return Trust.from_json(self.trusted_root_json, signing_config=self.signing_config_json)

    def signer(self, identity: str = "dev@example.com", **claims: Any) -> Signer:
        """A keyless signer for `identity`."""
        from provenance.signing import Signer

        return Signer.keyless(trust=self.trust, identity_token=self.token(identity, **claims))

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the sigstore is not running: use it in a with block, or start() it")
        return self._service


def _write(path: Path | str, data: bytes) -> Path:
    target = Path(path)
    target.write_bytes(data)
    return target
