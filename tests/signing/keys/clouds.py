"""Google's and Azure's key services as far as their own client libraries ask: small, on loopback.

Not shipped: what of them is not asked by `google-cloud-kms` and `azure-keyvault-keys` is not here.
Source: Cloud KMS API v1; Key Vault REST API 7.4.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from provenance.testing.key_services.service import KeyService, Refused

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request, Response

__all__ = ["AzureVault", "GoogleKms", "Version", "new_private"]

_SHA = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_GOOGLE = re.compile(r"/v1/(.+/cryptoKeys/[^/]+)/cryptoKeyVersions(?:/([0-9]+)(.*))?")
_AZURE = re.compile(r"/keys/([^/]+)(?:/([^/]*))?(/sign)?")
_JOSE = {"ES256": "sha256", "ES384": "sha384", "ES512": "sha512", "RS256": "sha256"}


def new_private(algorithm: str) -> Any:
    curves = {
        "ecdsa-p256": ec.SECP256R1(),
        "ecdsa-p384": ec.SECP384R1(),
        "ecdsa-p521": ec.SECP521R1(),
    }
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm])
    return rsa.generate_private_key(65537, int(algorithm.removeprefix("rsa-")))


def _sign(private: Any, name: str, digest: bytes) -> bytes:
    if len(digest) != hashlib.new(name).digest_size:
        raise Refused(400, "INVALID_ARGUMENT", "no digest")
    scheme: tuple[Any, ...] = (ec.ECDSA(Prehashed(_SHA[name])),)
    if isinstance(private, rsa.RSAPrivateKey):
        scheme = (padding.PKCS1v15(), Prehashed(_SHA[name]))
    signature: bytes = private.sign(digest, *scheme)
    return signature


@dataclass
class Version:
    """One version of a key of Google's."""

    private: Any
    algorithm: str
    state: str = "ENABLED"


class GoogleKms(KeyService):
    """Cloud KMS over REST: lists versions, gives public halves, signs digests."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, Version] = {}
        self.page_size = 3

    def client(self) -> Any:
        """Google's own client, at this address: the seam its documentation names for tests."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import kms_v1
        from google.cloud.kms_v1.services.key_management_service import transports

        transport = transports.KeyManagementServiceRestTransport(
            host=self.host,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            url_scheme="http",
        )
        return kms_v1.KeyManagementServiceClient(transport=transport)

    def operation(self, request: Request) -> str:
        return request.path

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        found = _GOOGLE.fullmatch(operation)
        if found is None:
            raise Refused(404, "NOT_FOUND", "no such key")
        key, number, what = found[1], found[2], found[3]
        if number is None:
            return self._list(key, request)
        if number not in self.versions:
            raise Refused(404, "NOT_FOUND", "no such version")
        version, name = self.versions[number], f"{key}/cryptoKeyVersions/{number}"
        if version.state != "ENABLED":
            raise Refused(400, "FAILED_PRECONDITION", "not enabled")
        if what == "/publicKey":
            pem = version.private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return {"name": name, "pem": pem.decode(), "algorithm": version.algorithm}
        [(hashed, digest)] = body["digest"].items()
        signature = _sign(version.private, hashed, base64.b64decode(digest))
        return {"name": name, "signature": base64.b64encode(signature).decode()}

    def _list(self, key: str, request: Request) -> dict[str, Any]:
        # By name, as the service orders: the tenth before the second.
        names = sorted(self.versions)
        start = int(request.parameter("pageToken") or 0)
        page = names[start : start + self.page_size]
        end = start + self.page_size
        return {
            "cryptoKeyVersions": [
                {
                    "name": f"{key}/cryptoKeyVersions/{n}",
                    "state": self.versions[n].state,
                    "algorithm": self.versions[n].algorithm,
                }
                for n in page
            ],
            **({"nextPageToken": str(end)} if end < len(names) else {}),
        }

    def refusal(self, refused: Refused) -> dict[str, Any]:
        return {
            "error": {
                "code": refused.status,
                "message": refused.message,
                "status": refused.code,
            }
        }


class AzureVault(KeyService):
    """A key vault: challenges whoever comes without a token, gives keys, signs digests."""

    def __init__(self) -> None:
        super().__init__(tls=True)
        self.keys: dict[str, list[Any]] = {}

    def respond(self, request: Request) -> Response:
        from provenance.testing.registry.messages import Response as Answer

        if request.header("Authorization") != "Bearer of-no-account":
            request.body.read()
            challenge = f'Bearer authorization="{self.url}/tenant", resource="https://vault.test"'
            return Answer(401, {"WWW-Authenticate": challenge, "Connection": "close"})
        return super().respond(request)

    def operation(self, request: Request) -> str:
        return request.path

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        found = _AZURE.fullmatch(operation)
        versions = self.keys.get(found[1]) if found else None
        if found is None or not versions:
            raise Refused(404, "KeyNotFound", "no such key")
        number = int(found[2], 16) if found[2] else len(versions)
        if not 0 < number <= len(versions):
            raise Refused(404, "KeyNotFound", "no such version")
        kid = f"{self.url}/keys/{found[1]}/{number:032x}"
        private = versions[number - 1]
        if not found[3]:
            return {"key": {"kid": kid, **_jwk(private)}, "attributes": {"enabled": True}}
        name = _JOSE[body["alg"]]
        signature = _sign(private, name, _unpadded(body["value"]))
        if not isinstance(private, rsa.RSAPrivateKey):
            size = (private.key_size + 7) // 8
            r, s = decode_dss_signature(signature)
            signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return {"kid": kid, "value": _text(signature)}

    def refusal(self, refused: Refused) -> dict[str, Any]:
        return {"error": {"code": refused.code, "message": refused.message}}


def _jwk(private: Any) -> dict[str, Any]:
    numbers = private.public_key().public_numbers()
    if isinstance(private, rsa.RSAPrivateKey):
        return {
            "kty": "RSA",
            "n": _text(_big(numbers.n)),
            "e": _text(_big(numbers.e)),
        }
    name = {256: "P-256", 384: "P-384", 521: "P-521"}[private.key_size]
    return {"kty": "EC-HSM", "crv": name, "x": _text(_big(numbers.x)), "y": _text(_big(numbers.y))}


def _big(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
