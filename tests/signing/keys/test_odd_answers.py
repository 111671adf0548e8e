"""Key services that answer what no honest one does: an error of ours, and soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.keys.clouds import AzureVault, GoogleKms, Version, new_private
from tests.signing.keys.test_azure import Scene

from provenance.errors import ProvenanceError, SigningError
from provenance.settings import Settings
from provenance.signing.keys import open_key
from provenance.signing.keys.google import open_google_key
from provenance.signing.keys.references import GoogleKey
from provenance.testing import LocalKms, LocalTransit
from provenance.testing.registry.messages import Content, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provenance.signing.handle import KeyHandle
    from provenance.testing.key_services.service import KeyService
    from provenance.testing.registry.messages import Request

NAME = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
SETTINGS = Settings(retries=0, timeout=10)
ODD: tuple[Any, ...] = (
    *({}, [], None, "x", 5),
    *({"key": None}, {"key": {}}, {"key": {"kid": "x", "kty": "EC"}}, {"key": {"kid": 5}}),
    *({"PublicKey": "AAAA"}, {"PublicKey": 5}, {"KeySpec": []}),
    *({"Signature": "!!"}, {"Signature": 5}, {"signature": "!!"}, {"value": 5}, {"value": "AA"}),
    *({"cryptoKeyVersions": 5}, {"cryptoKeyVersions": [{"name": 5}]}, {"nextPageToken": "1"}),
    {"cryptoKeyVersions": [{"name": "of/another/cryptoKeyVersions/1", "state": "ENABLED"}]},
    *({"pem": "x"}, {"algorithm": "NOPE", "pem": "x"}, {"data": {"keys": {"1": 5}}}),
    {"data": {"keys": {"1": {"public_key": 5}}, "latest_version": 1}},
)
RAW = (b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 10)


def _opened(service: KeyService, folder: Path) -> Callable[[], KeyHandle]:
    """What opens a key of the service, and can."""
    if isinstance(service, LocalKms):
        service.create_key("alias/release")
        return lambda: open_key("awskms:///alias/release", settings=SETTINGS)
    if isinstance(service, LocalTransit):
        service.create_key("release")
        environ = service.environ
        return lambda: open_key("hashivault://release", settings=SETTINGS, environ=environ)
    if isinstance(service, GoogleKms):
        service.versions["1"] = Version(new_private("ecdsa-p256"), "EC_SIGN_P256_SHA256")
        client = service.client()
        return lambda: open_google_key(GoogleKey(NAME), SETTINGS, client)
    assert isinstance(service, AzureVault)
    service.keys["release"] = [new_private("ecdsa-p256")]
    scene = Scene(service, folder)
    return lambda: scene.open("release")


@pytest.mark.parametrize("kind", [LocalKms, LocalTransit, GoogleKms, AzureVault])
def test_an_answer_that_means_nothing_is_an_error_of_ours(
    kind: type[KeyService], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with kind() as service:
        for name, value in getattr(service, "environ", {}).items():
            monkeypatch.setenv(name, value)
        open_it = _opened(service, tmp_path)
        key = open_it()
        for odd in ODD:
            monkeypatch.setattr(service, "answer", lambda *_, odd=odd: odd)
            _see_refused(key, open_it)
        for raw in RAW:
            monkeypatch.setattr(service, "respond", _always(raw))
            _see_refused(key, open_it)


def _see_refused(key: KeyHandle, open_it: Callable[[], KeyHandle]) -> None:
    with pytest.raises(SigningError):
        key.sign(b"data")
    with pytest.raises(ProvenanceError):
        open_it()


def _always(raw: bytes) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        request.body.read()
        headers = {"Content-Type": "application/json", "Connection": "close"}
        return Response(200, headers, Content(raw))

    return respond
