"""`LocalSigstore`: the embedded Sigstore as a context manager."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.testing.sigstore.bundles import Forger
from provenance.testing.sigstore.oidc import Issuer
from provenance.testing.sigstore.parts import Parts
from provenance.testing.sigstore.service import PARTS, Service
from provenance.testing.sigstore.trust_material import (
    client_trust_config,
    encode,
    signing_config,
    trusted_root,
)
from provenance.testing.sigstore.tuf_repository import TufRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from provenance.signing import Signer
    from provenance.testing.registry import RecordedRequest
    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.timestamps import TimestampAuthority
    from provenance.trust import Trust

__all__ = ["LocalSigstore"]

_LISTS = ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")


class LocalSigstore:
    """CA with CT log, transparency logs, timestamp authorities, OIDC issuer, on a loopback port.

    >>> with LocalSigstore() as sigstore:
    ...     token = sigstore.token("dev@example.com")
    ...     root = sigstore.trusted_root_json

    Its parts `ca`, `log`, `tsa` and `oidc` are open to tests, and `forger()` makes with them
    what no honest client gets. Another instance has other keys: what it signs is not trusted.
    """

    def __init__(
        self,
        *,
        now: Callable[[], dt.datetime] | None = None,
        rekor: Sequence[str] = ("v2",),
        tsas: int = 1,
        selector: str = "ANY",
    ) -> None:
        """Make keys; `start()` or `with` opens the port.

        Args:
            now: the clock of every part, returns an aware datetime; None: the real one.
            rekor: the logs, `v1` or `v2` each; none of them, as at GitHub's own instance, makes
                bundles that a timestamp alone dates.
            tsas: how many timestamp authorities.
            selector: how many of them a signer asks: `ANY` (one of each kind) or `ALL`.
        """
        self.now = now or (lambda: dt.datetime.now(dt.UTC))
        if self.now().tzinfo is None:
            raise ValueError("the clock must return aware datetimes: datetime.now(UTC)")
        self.oidc = Issuer(self.now)
        self._parts = Parts(self.now, rekor, tsas)
        self._selector = selector
        self._service: Service | None = None
        self._url = ""
        self._requests: list[RecordedRequest] = []
        self._tuf: TufRepository | None = None
        self._lock = threading.Lock()

    # Parts

    @property
    def ca(self) -> CertificateAuthority:
        """The certificate authority, with the key of its CT log."""
        return self._parts.ca

    @property
    def logs(self) -> tuple[Log, ...]:
        """The transparency logs that take entries."""
        return tuple(one.part for one in self._parts.current_logs)

    @property
    def log(self) -> Log:
        """The first of them. RuntimeError of an instance without."""
        if not self.logs:
            raise RuntimeError("this sigstore has no log: it was made with rekor=()")
        return self.logs[0]

    @property
    def tsas(self) -> tuple[TimestampAuthority, ...]:
        """The timestamp authorities that answer."""
        return tuple(one.part for one in self._parts.current_tsas)

    @property
    def tsa(self) -> TimestampAuthority:
        """The first of them. RuntimeError of an instance without."""
        if not self.tsas:
            raise RuntimeError("this sigstore has no timestamp authority: it was made with tsas=0")
        return self.tsas[0]

    def rotate(self, part: str) -> None:
        """Replace the key of a part: of `ca`, `ct`, of each current `log` or `tsa`.

        The trust root lists the old one up to now and the new one from now on: what the old
        one signed stays good. What is published by TUF follows.
        """
        self._parts.rotate(part)
        if self._tuf is not None:
            self._tuf.publish(self._published())

    # Running

    def start(self) -> Self:
        """Open the port. RuntimeError once it was stopped: its URL is in what it issued."""
        if self._service is None:
            if self._url:
                raise RuntimeError("the sigstore was stopped: make another")
            self._service = Service(self.oidc, self._parts, lambda: self.tuf)
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
        return f"LocalSigstore({state!r}, entries={sum(len(g.bodies) for g in self.logs)})"

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
        """Let `ca`, `log`, `tsa`, `oidc` or `tuf` answer `status` until `recover()`."""
        if part not in PARTS:
            raise ValueError(f"no part {part!r}: expected one of {', '.join(PARTS)}")
        self._running().failures[part] = status

    def recover(self) -> None:
        """Let every part work again."""
        self._running().failures.clear()
        for log in self.logs:
            log.omits = False

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
        """Every entry of every log as TransparencyLogEntry JSON, proven in the log as it is now."""
        return [entry for log in self.logs for entry in log.entries]

    def forger(self, identity: str = "dev@example.com", **options: Any) -> Forger:
        """Makes bundles without asking anybody; `options` are the fields of `Forger`."""
        forger = Forger(
            ca=self.ca,
            log=self.logs[0] if self.logs else None,
            tsa=self.tsas[0] if self.tsas else None,
            identity=identity,
            issuer=self.issuer,
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
        return encode(self._config())

    @property
    def client_trust_config_json(self) -> bytes:
        """Both in one document."""
        return encode(client_trust_config(self._root(), self._config()))

    def write_trusted_root(self, path: Path | str) -> Path:
        """Write the trust root to a file, for `--trusted-root`."""
        return _write(path, self.trusted_root_json)

    def write_signing_config(self, path: Path | str) -> Path:
        """Write the signing configuration to a file, for `--signing-config`."""
        return _write(path, self.signing_config_json)

    def trusted_root_until(self, end: dt.datetime, *parts: str) -> bytes:
        """The trust root with windows that end: an expired one, for times after `end`.

        `parts` are `tlogs`, `ctlogs`, `certificateAuthorities` or `timestampAuthorities`; none
        named: all of them.
        """
        document = self._root()
        for name in parts or _LISTS:
            for one in document[name]:
                window = one.get("publicKey", one)["validFor"]
                window["end"] = end.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return encode(document)

    @property
    def tuf(self) -> TufRepository:
        """The TUF repository that publishes the trust root, at `tuf_url`."""
        with self._lock:
            if self._tuf is None:
                self._tuf = TufRepository(self.now)
                self._tuf.publish(self._published())
            return self._tuf

    @property
    def tuf_url(self) -> str:
        """Where it is; the root that clients begin with is `tuf.root_json`."""
        return f"{self.url}/tuf"

    def write_tuf_root(self, path: Path | str) -> Path:
        """Write the TUF root to a file, for `Trust.from_tuf`."""
        return _write(path, self.tuf.root_json)

    def _published(self) -> dict[str, bytes]:
        return {
            "trusted_root.json": self.trusted_root_json,
            "signing_config.v0.2.json": self.signing_config_json,
        }

    @property
    def trust(self) -> Trust:
        """The trust root as this library takes it, with where to sign."""
        from provenance.trust import Trust

        source = f"the local Sigstore at {self.url}"
        config = self.signing_config_json
        return Trust.from_json(self.trusted_root_json, signing_config=config, source=source)

    def _root(self) -> dict[str, Any]:
        return trusted_root(
            self.url,
            authorities=self._parts.authorities,
            ct_keys=self._parts.ct_keys,
            logs=self._parts.logs,
            tsas=self._parts.tsas,
        )

    def _config(self) -> dict[str, Any]:
        return signing_config(
            self.url,
            start=self._parts.start,
            logs=self._parts.current_logs,
            tsas=self._parts.current_tsas,
            selector=self._selector,
        )

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the sigstore is not running: use it in a with block, or start() it")
        return self._service


def _write(path: Path | str, data: bytes) -> Path:
    target = Path(path)
    target.write_bytes(data)
    return target
