"""A Sigstore of the real programs on loopback: Fulcio, a CT log, Rekor, a timestamp authority.

Only the OIDC issuers are ours: the real ones are other people's. Source: the programs' own
`docker-compose.yml` files, for how they are put together.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from tests.peers.authority import code_signing_chain
from tests.peers.real_documents import ORIGIN, LogKey, signing_config, trusted_root
from tests.peers.serving import free_port, peer, running

import provenance as pv
from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RealSigstore", "serve_sigstore"]

_METRICS = 2112
_ENDPOINTS = ("createLogEntry", "getLogEntryByUUID", "getLogInfo", "getPublicKey")


@dataclass(frozen=True)
class RealSigstore:
    """Addresses and documents of what is running."""

    folder: Path
    urls: dict[str, str]
    """Of `ca`, `log` and `tsa`."""
    people: LocalSigstore
    """Vouches for e-mail addresses."""
    pipelines: LocalSigstore
    """Vouches for workflows, as GitHub does."""
    rekor: int
    """Version of the log."""

    @property
    def trust(self) -> pv.Trust:
        """As this library takes it."""
        config = self.folder / "signing_config.json"
        return pv.Trust.from_file(self.folder / "trusted_root.json", signing_config=config)

    def who(self, identity: str) -> pv.Identity:
        """Somebody with an e-mail address."""
        return pv.Identity(identity, issuer=self.people.issuer)

    def signer(self, identity: str) -> pv.Signer:
        """The same, signing."""
        return pv.Signer.keyless(trust=self.trust, identity_token=self.people.token(identity))

    @property
    def trusted(self) -> tuple[str, ...]:
        """cosign's options: whom to believe."""
        return ("--trusted-root", str(self.folder / "trusted_root.json"))

    def expecting(self, identity: str) -> tuple[str, ...]:
        """cosign's options: whom to expect."""
        return ("--certificate-identity", identity, "--certificate-oidc-issuer", self.people.issuer)

    @property
    def services(self) -> tuple[str, ...]:
        """cosign's options: where to sign."""
        return (*self.trusted, "--signing-config", str(self.folder / "signing_config.json"))

    def token(self, identity: str) -> tuple[str, ...]:
        """cosign's options: as whom to sign."""
        return ("--identity-token", self.people.token(identity))

    @property
    def older(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """cosign's options and environment for signing as before version 3."""
        options = (
            *("--new-bundle-format=false", "--use-signing-config=false"),
            *("--fulcio-url", self.urls["ca"], "--rekor-url", self.urls["log"]),
        )
        return options, self.older_trust

    @property
    def older_trust(self) -> dict[str, str]:
        """cosign's environment for whom to believe, as before version 3."""
        return {
            "SIGSTORE_ROOT_FILE": str(self.folder / "roots.pem"),
            "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": str(self.folder / "ct" / "public.pem"),
            "SIGSTORE_REKOR_PUBLIC_KEY": str(self.folder / "log" / "public.pem"),
            "SIGSTORE_TSA_CERTIFICATE_FILE": str(self.folder / "tsa" / "chain.pem"),
        }


@contextmanager
def serve_sigstore(folder: Path, *, rekor: int = 2) -> Iterator[RealSigstore]:
    """Start everything below `folder`; stop each by its own process.

    Args:
        folder: where everything is kept.
        rekor: version of the log.
    """
    with ExitStack() as started:
        # Before Rekor v1, which takes the same port for metrics, but can do without.
        tsa_url, tsa_chain = started.enter_context(_timestamps(folder / "tsa"))
        people, pipelines = (started.enter_context(LocalSigstore()) for _ in range(2))
        ca_key, ca_chain = code_signing_chain()
        roots = folder / "roots.pem"
        roots.write_bytes(ca_chain)
        ct_url, ct_key = started.enter_context(_certificate_log(folder / "ct", roots))
        issuers = {people.issuer: "email", pipelines.issuer: "github-workflow"}
        known = Fulcio(issuers, roots, ca_key, ct_url, folder / "ct" / "public.pem")
        ca_url = started.enter_context(known.serve(folder / "ca"))
        log_url, log_key = started.enter_context(_REKOR[rekor](folder / "log"))
        logs, ct_logs = {log_url: log_key}, {ct_url: ct_key}
        root = trusted_root(logs, ct_logs, {ca_url: ca_chain}, {tsa_url: tsa_chain})
        (folder / "trusted_root.json").write_text(root)
        config = signing_config(ca_url, {log_url: rekor}, tsa_url, people.issuer)
        (folder / "signing_config.json").write_text(config)
        urls = {"ca": ca_url, "log": log_url, "tsa": tsa_url}
        yield RealSigstore(folder, urls, people, pipelines, rekor)


@contextmanager
def _certificate_log(folder: Path, roots: Path) -> Iterator[tuple[str, ec.EllipticCurvePublicKey]]:
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "key.pem").write_bytes(
        _secret_pem(key, serialization.PrivateFormat.TraditionalOpenSSL)
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "public.pem").write_bytes(public)
    port = free_port()
    options = {
        "private_key": folder / "key.pem",
        "origin": "ct.example/log",
        "storage_dir": folder / "store",
        "roots_pem_file": roots,
        "ext_key_usages": "CodeSigning",
        "http_endpoint": f"127.0.0.1:{port}",
        "inmemory_antispam_cache_size": "1k",
        "checkpoint_interval": "1s",
        "enable_publication_awaiter": "false",
    }
    command = [peer("tesseract"), *(f"--{name}={value}" for name, value in options.items())]
    with running(command, port, folder):
        yield f"http://127.0.0.1:{port}", key.public_key()


@dataclass(frozen=True)
class Fulcio:
    """What it is configured with."""

    issuers: dict[str, str]
    """Kinds by URL."""
    chain: Path
    key: ec.EllipticCurvePrivateKey
    ct_url: str
    ct_key: Path

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        """Run it; gives its URL."""
        folder.mkdir()
        form = serialization.PrivateFormat.PKCS8
        (folder / "key.pem").write_bytes(_secret_pem(self.key, form))
        issuers = {
            url: {"IssuerURL": url, "ClientID": "sigstore", "Type": kind}
            for url, kind in self.issuers.items()
        }
        (folder / "config.json").write_text(json.dumps({"OIDCIssuers": issuers}))
        port, grpc, metrics = (free_port() for _ in range(3))
        options = {
            "ca": "fileca",
            "fileca-cert": self.chain,
            "fileca-key": folder / "key.pem",
            "fileca-key-passwd": "asked for, though the key is in the clear",
            "fileca-watch": "false",
            "config-path": folder / "config.json",
            "ct-log-url": self.ct_url,
            "ct-log-public-key-path": self.ct_key,
            "host": "127.0.0.1",
            "port": port,
            "grpc-host": "127.0.0.1",
            "grpc-port": grpc,
            "metrics-port": metrics,
            "legacy-unix-domain-socket": f"@fulcio-{port}",
        }
        words = (f"--{name}={value}" for name, value in options.items())
        with running([peer("fulcio"), "serve", *words], port, folder):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _rekor_v1(folder: Path) -> Iterator[tuple[str, LogKey]]:
    folder.mkdir()
    port = free_port()
    options = {
        "rekor_server.address": "127.0.0.1",
        "rekor_server.hostname": ORIGIN,
        "rekor_server.signer": "memory",
        "port": port,
        # The search for entries needs a database of its own.
        "enable_retrieve_api": "false",
        "enabled_api_endpoints": ",".join(_ENDPOINTS),
    }
    words = (f"--{name}={value}" for name, value in options.items())
    with running([peer("rekor-v1"), "serve", *words], port, folder):
        url = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{url}/api/v1/log/publicKey", timeout=10) as answer:
            pem = answer.read()
        (folder / "public.pem").write_bytes(pem)
        key = serialization.load_pem_public_key(pem)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        yield url, key


@contextmanager
def _rekor_v2(folder: Path) -> Iterator[tuple[str, LogKey]]:
    folder.mkdir()
    key = ed25519.Ed25519PrivateKey.generate()
    (folder / "key.pem").write_bytes(_secret_pem(key, serialization.PrivateFormat.PKCS8))
    port, grpc, metrics = (free_port() for _ in range(3))
    options = {
        "storage-dir": folder / "store",
        "signer-filepath": folder / "key.pem",
        "hostname": ORIGIN,
        "http-port": port,
        "grpc-port": grpc,
        "http-metrics-port": metrics,
        "checkpoint-interval": "1s",
    }
    words = (f"--{name}={value}" for name, value in options.items())
    with running([peer("rekor-tiles"), "serve", *words], port, folder):
        yield f"http://127.0.0.1:{port}", key.public_key()


_REKOR = {1: _rekor_v1, 2: _rekor_v2}


@contextmanager
def _timestamps(folder: Path) -> Iterator[tuple[str, bytes]]:
    folder.mkdir()
    _until_free(_METRICS)
    port = free_port()
    options = ("--host=127.0.0.1", f"--port={port}", "--timestamp-signer=memory")
    command = [peer("timestamp-server"), "serve", *options, "--disable-ntp-monitoring"]
    with running(command, port, folder):
        url = f"http://127.0.0.1:{port}/api/v1/timestamp"
        with urllib.request.urlopen(f"{url}/certchain", timeout=10) as answer:
            chain: bytes = answer.read()
        (folder / "chain.pem").write_bytes(chain)
        yield url, chain


def _until_free(port: int) -> None:
    """Wait for another run of these tests, as nothing moves the port of the server's metrics."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.2)
    pytest.fail(f"port {port} of 127.0.0.1 is taken: the timestamp server needs it")


def _secret_pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    form: serialization.PrivateFormat,
) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
