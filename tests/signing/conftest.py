"""What tests of signing share: a Sigstore whose parts they may break, and keys in memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from provenance.attestation.public_key import PublicKey
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.testing.registry.messages import Content, Response
from provenance.testing.registry.server import Server
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing.registry.messages import Request

SUBJECT = Digest.of(b"an image")
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class MemoryKey:
    """A key that a caller brings: the two names that are asked for, and no more."""

    def __init__(self, key: Private) -> None:
        self.key = key
        self.public_key = PublicKey.parse(
            key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self.asked = 0

    def sign(self, data: bytes, /) -> bytes:
        self.asked += 1
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        sizes: dict[int, hashes.HashAlgorithm] = {
            256: hashes.SHA256(),
            384: hashes.SHA384(),
            521: hashes.SHA512(),
        }
        return self.key.sign(data, ec.ECDSA(sizes[self.key.key_size]))


def make_key(algorithm: str) -> MemoryKey:
    """A new key of a `PublicKey.algorithm`."""
    if algorithm.startswith("rsa-"):
        return MemoryKey(rsa.generate_private_key(65537, int(algorithm[4:])))
    if algorithm == "ed25519":
        return MemoryKey(ed25519.Ed25519PrivateKey.generate())
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    return MemoryKey(ec.generate_private_key(curves[algorithm.removeprefix("ecdsa-")]))


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    """One of its own: its parts are broken here."""
    with LocalSigstore() as running:
        yield running


@pytest.fixture
def statement() -> bytes:
    """One about `SUBJECT`."""
    named = ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})
    return Statement.build([named], "https://example.com/p", {"a": [1.0, "ü"]}).raw


Change = Callable[[Response], Response]


class Between:
    """Stands between a client and a Sigstore, and changes what that answers, path by path."""

    def __init__(self, sigstore: LocalSigstore) -> None:
        self.inner = sigstore._running()
        self.changes: dict[str, Change] = {}

    def respond(self, request: Request) -> Response:
        answer = self.inner.respond(request)
        change = self.changes.get(request.path)
        return answer if change is None else change(answer)


@contextlib.contextmanager
def stand_between(sigstore: LocalSigstore) -> Iterator[tuple[Between, Trust]]:
    """Who stands between, and a trust whose services are reached through them."""
    between = Between(sigstore)
    server = Server(between)
    config = sigstore.signing_config_json.replace(sigstore.url.encode(), server.base.encode())
    try:
        yield between, Trust.from_json(sigstore.trusted_root_json, signing_config=config)
    finally:
        server.stop()


def status(code: int) -> Change:
    """Another status, and nothing else."""
    return lambda _: Response.of_json(code, {"code": code, "message": "as the test asked"})


def body(data: bytes) -> Change:
    """Another body."""
    return lambda answer: Response(answer.status, answer.headers, Content(data))


def edited(edit: Callable[[Any], Any]) -> Change:
    """The JSON that `edit` makes of the answer's."""

    def change(answer: Response) -> Response:
        return Response.of_json(answer.status, edit(json.loads(answer.body.read())))

    return change
