from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from provenance.errors import RegistryUnavailable
from provenance.settings import Settings
from provenance.testing import LocalRegistry
from provenance.transport.client import Client
from provenance.transport.faults import explain, is_lasting

if TYPE_CHECKING:
    from pathlib import Path


def refusal(url: str, settings: Settings) -> RegistryUnavailable:
    with Client(settings) as client, pytest.raises(RegistryUnavailable) as refused:
        client.request("GET", url)
    assert refused.value.hint
    return refused.value


def test_a_certificate_of_nobody_one_knows() -> None:
    with LocalRegistry(tls=True) as local:
        error = refusal(f"{local.url}/v2/", Settings(retries=5, timeout=5))
        assert "certificate" in str(error)
        assert "ca_bundle" in error.hint


def test_a_certificate_for_another_name_says_so() -> None:
    cause = ssl.SSLCertVerificationError()
    cause.verify_message = "Hostname mismatch"
    told = explain(OSError(cause), "https://h.test/", Settings())
    assert "no certificate this machine trusts (Hostname mismatch)" in str(told)


def test_a_server_that_does_not_speak_tls(local_registry: LocalRegistry) -> None:
    error = refusal(f"https://{local_registry.host}/v2/", Settings(retries=5, timeout=5))
    assert "does not speak TLS" in str(error)
    assert "plain_http" in error.hint


def test_a_bundle_that_is_not_there(tmp_path: Path, local_registry: LocalRegistry) -> None:
    missing = tmp_path / "missing.pem"
    error = refusal(f"{local_registry.url}/v2/", Settings(ca_bundle=missing))
    assert str(missing) in str(error)
    assert "cannot be read" in str(error)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAA"])
def test_a_bundle_without_certificates(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(content)
    with LocalRegistry(tls=True) as local:
        refusal(f"{local.url}/v2/", Settings(retries=0, ca_bundle=bundle, timeout=5))


def test_a_host_that_refuses_or_is_not_known_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    error = refusal(f"http://u:secret@{host}/v2/?token=secret", Settings(retries=0))
    assert host in str(error)
    assert "refused" in str(error)
    assert "secret" not in f"{error!s}{error.__dict__}"
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    told = explain(OSError(unknown), "https://nowhere.test/v2/", Settings())
    assert "no address is known for nowhere.test" in str(told)


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        error = refusal(url, Settings(retries=0, timeout=0.1))
    assert "no answer within 0.1 s" in str(error)


@pytest.mark.parametrize(
    "url", ["http://", "http://a b/", "http://[", "ftp://x/", "x", "http://.."]
)
def test_what_is_no_url(url: str) -> None:
    refusal(url, Settings(retries=0, timeout=1))


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (OSError(ssl.SSLCertVerificationError("x")), True),
        (OSError(socket.gaierror(socket.EAI_NONAME, "x")), True),
        (OSError(socket.gaierror(socket.EAI_AGAIN, "x")), False),
        (ConnectionResetError("x"), False),
        (UnicodeError("x"), True),
    ],
    ids=["certificate", "no such host", "resolver busy", "reset", "no text"],
)
def test_what_would_fail_the_same_way_again(error: BaseException, *, lasting: bool) -> None:
    assert is_lasting(error) is lasting


def test_errors_that_name_each_other_have_an_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert "cannot be reached" in str(explain(first, "https://h.test/", Settings()))
