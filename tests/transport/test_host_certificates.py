"""Certificates of a folder `certs.d/HOST:PORT`, as they are used: authorities, and one's own."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provenance.errors import NotEvaluated, RegistryUnavailable
from provenance.settings import Settings
from provenance.testing import LocalRegistry
from provenance.testing.registry.messages import Response
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.testing.registry.messages import Request

QUICK = Settings(retries=0, timeout=5)


class Greeter:
    def respond(self, request: Request) -> Response:
        del request
        return Response(200)


@pytest.fixture
def certs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".config" / "containers" / "certs.d"
    folder.mkdir(parents=True)
    return folder


def client_pair(password: bytes | None = None) -> tuple[bytes, bytes]:
    """A certificate that is its own authority, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        hidden = serialization.BestAvailableEncryption(password)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, hidden)
    return certificate.public_bytes(pem), secret


@pytest.fixture
def demanding(certs: Path) -> Iterator[tuple[Server, Path, bytes, bytes]]:
    """A server that talks to one client alone; its folder; that client's certificate and key."""
    certificate, key = client_pair()
    context, authority = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificate.decode())
    server = Server(Greeter(), context)
    own = certs / server.base.partition("//")[2]
    own.mkdir()
    (own / "ca.crt").write_bytes(authority)
    yield server, own, certificate, key
    server.stop()


def test_an_authority_of_the_host_is_trusted_for_it_alone(certs: Path) -> None:
    with LocalRegistry(tls=True) as known, LocalRegistry(tls=True) as unknown:
        own = certs / known.host
        own.mkdir()
        (own / "ca.crt").write_bytes(known.ca_pem)
        with Client(QUICK) as client:
            client.request("GET", f"{known.url}/v2/").close()
            with pytest.raises(RegistryUnavailable, match="no certificate this machine trusts"):
                client.request("GET", f"{unknown.url}/v2/")


def test_a_client_shows_its_certificate(demanding: tuple[Server, Path, bytes, bytes]) -> None:
    server, own, certificate, key = demanding
    with Client(QUICK) as client, pytest.raises(RegistryUnavailable):
        client.request("GET", server.base).close()
    (own / "me.cert").write_bytes(certificate)
    (own / "me.key").write_bytes(key)
    with Client(QUICK) as client, client.request("GET", server.base) as response:
        assert response.status == 200


def test_another_s_certificate_is_not_enough(demanding: tuple[Server, Path, bytes, bytes]) -> None:
    server, own, _, _ = demanding
    for name, content in zip(("me.cert", "me.key"), client_pair(), strict=True):
        (own / name).write_bytes(content)
    with Client(QUICK) as client, pytest.raises(RegistryUnavailable):
        client.request("GET", server.base).close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ca.crt", b"no PEM"),
        ("me.cert", b"no PEM"),
        ("me.key", b"no PEM"),
        ("me.key", client_pair(b"s3cret")[1]),
        ("me.key", client_pair()[1]),
    ],
    ids=["authority", "certificate", "key", "key with a password", "key of another"],
)
def test_what_cannot_be_used_is_named_by_its_folder(
    demanding: tuple[Server, Path, bytes, bytes], name: str, content: bytes
) -> None:
    server, own, certificate, key = demanding
    (own / "me.cert").write_bytes(certificate)
    (own / "me.key").write_bytes(key)
    (own / name).write_bytes(content)
    with Client(QUICK) as client, pytest.raises(NotEvaluated, match=f"{own}.*cannot be used"):
        client.request("GET", server.base)


def test_half_a_pair_is_told(demanding: tuple[Server, Path, bytes, bytes]) -> None:
    server, own, certificate, _ = demanding
    (own / "me.cert").write_bytes(certificate)
    with Client(QUICK) as client, pytest.raises(NotEvaluated, match=r"no me\.key beside it"):
        client.request("GET", server.base)


def test_a_bundle_that_is_named_is_trusted_alone(tmp_path: Path) -> None:
    # Who names an authority means that one: the system's are not added.
    with LocalRegistry(tls=True) as one, LocalRegistry(tls=True) as other:
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(one.ca_pem)
        settings = Settings(retries=0, timeout=5, ca_bundle=bundle)
        with Client(settings) as client:
            client.request("GET", f"{one.url}/v2/").close()
            [context] = client._connections()._contexts.values()
            assert len(context.get_ca_certs()) == 1
            with pytest.raises(RegistryUnavailable, match="no certificate this machine trusts"):
                client.request("GET", f"{other.url}/v2/")
