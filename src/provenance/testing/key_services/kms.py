"""`LocalKms`: AWS KMS on loopback. Source: AWS KMS API reference; AWS JSON 1.1, Signature V4.

What is not AWS' own behaviour: keys are made by `create_key` alone, and of a request's signature
only the access key in it is compared.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.testing.key_services.service import KeyService, Refused

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request

__all__ = ["LocalKms"]

_REGION, _ACCOUNT = "eu-central-1", "111122223333"
_ACCESS_KEY, _SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "of-no-account"
_RAW_BYTES = 4096
_CREDENTIAL = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={_ACCESS_KEY}/[0-9]{{8}}/[a-z0-9-]+/kms/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}"
)
_RSA = tuple(
    f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)
)
_ALGORITHMS = {
    "ECC_NIST_P256": ("ECDSA_SHA_256",),
    "ECC_NIST_P384": ("ECDSA_SHA_384",),
    "ECC_NIST_P521": ("ECDSA_SHA_512",),
    "ECC_SECG_P256K1": ("ECDSA_SHA_256",),
    **{f"RSA_{bits}": _RSA for bits in (2048, 3072, 4096)},
}


@dataclass
class _Key:
    arn: str
    spec: str
    private: Any
    enabled: bool = True


class LocalKms(KeyService):
    """AWS KMS: GetPublicKey, DescribeKey and Sign of asymmetric keys.

    >>> with LocalKms() as kms:
    ...     arn = kms.create_key("alias/release")
    >>> arn.startswith("arn:aws:kms:eu-central-1:111122223333:key/")
    True
    """

    def __init__(self, *, tls: bool = False) -> None:
        """Describe it. `tls`: speak HTTPS with a certificate of its own authority, `ca_pem`."""
        super().__init__(tls=tls)
        self._keys: dict[str, _Key] = {}
        self._aliases: dict[str, str] = {}

    @property
    def environ(self) -> dict[str, str]:
        """Variables with which AWS' own clients ask here, for `awskms:///...` references."""
        return {**self.credentials, "AWS_ENDPOINT_URL_KMS": self.url}

    @property
    def credentials(self) -> dict[str, str]:
        """Variables with a login and a region, for `awskms://HOST/...` references."""
        return {
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def create_key(self, alias: str = "", *, spec: str = "ECC_NIST_P256") -> str:
        """Make a key, and an alias (`alias/NAME`) for it; returns its ARN.

        Raises:
            ValueError: no key is of that spec.
        """
        key_id = str(uuid.uuid4())
        arn = f"arn:aws:kms:{_REGION}:{_ACCOUNT}:key/{key_id}"
        self._keys[key_id] = _Key(arn, spec, _generate(spec))
        if alias:
            self._aliases[alias] = key_id
        return arn

    def disable_key(self, name: str) -> None:
        """Let a key refuse, as one does that waits for its deletion."""
        self._find({"KeyId": name}).enabled = False

    def operation(self, request: Request) -> str:
        """The name behind the service's in X-Amz-Target. Raises Refused without a login."""
        if not _CREDENTIAL.fullmatch(request.header("Authorization")):
            raise Refused(400, "UnrecognizedClientException", "the security token is invalid")
        service, _, name = request.header("X-Amz-Target").partition(".")
        typed = request.header("Content-Type") == "application/x-amz-json-1.1"
        if service != "TrentService" or not typed or request.method != "POST":
            raise Refused(400, "UnknownOperationException")
        return name

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """What KMS says."""
        del request
        ways = {"GetPublicKey": self._public, "DescribeKey": self._describe, "Sign": self._sign}
        if operation not in ways:
            raise Refused(400, "UnknownOperationException")
        key = self._find(body)
        if not key.enabled and operation != "DescribeKey":
            raise Refused(400, "DisabledException", f"{key.arn} is disabled.")
        return ways[operation](key, body)

    def refusal(self, refused: Refused) -> dict[str, Any]:
        """An error as AWS JSON 1.1 has it."""
        return {"__type": refused.code, "message": refused.message}

    def _find(self, body: dict[str, Any]) -> _Key:
        asked = str(body.get("KeyId", ""))
        name = asked.partition(f":kms:{_REGION}:{_ACCOUNT}:")[2] or asked
        key_id = self._aliases.get(name, name.removeprefix("key/"))
        if key_id not in self._keys:
            raise Refused(400, "NotFoundException", f"Key '{asked}' does not exist")
        return self._keys[key_id]

    def _public(self, key: _Key, _: dict[str, Any]) -> dict[str, Any]:
        from cryptography.hazmat.primitives import serialization

        der = key.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "KeyId": key.arn,
            "PublicKey": base64.b64encode(der).decode(),
            **_about(key),
        }

    def _describe(self, key: _Key, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "KeyMetadata": {
                "AWSAccountId": _ACCOUNT,
                "Arn": key.arn,
                "KeyId": key.arn.rpartition("/")[2],
                "Enabled": key.enabled,
                "KeyState": "Enabled" if key.enabled else "Disabled",
                "KeyManager": "CUSTOMER",
                "Origin": "AWS_KMS",
                "MultiRegion": False,
                **_about(key),
            }
        }

    def _sign(self, key: _Key, body: dict[str, Any]) -> dict[str, Any]:
        algorithm = body.get("SigningAlgorithm")
        if algorithm not in _ALGORITHMS[key.spec]:
            raise Refused(400, "InvalidKeyUsageException", f"{algorithm} is not of this key")
        try:
            message = base64.b64decode(str(body.get("Message", "")), validate=True)
        except binascii.Error:
            raise Refused(400, "SerializationException") from None
        bits = str(algorithm).rpartition("_")[2]
        signature = _signature(key, str(algorithm), _digest(message, body, bits))
        return {
            "KeyId": key.arn,
            "Signature": base64.b64encode(signature).decode(),
            "SigningAlgorithm": algorithm,
        }


def _about(key: _Key) -> dict[str, Any]:
    return {
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": list(_ALGORITHMS[key.spec]),
    }


def _digest(message: bytes, body: dict[str, Any], bits: str) -> bytes:
    """Sign, MessageType: RAW is hashed here, DIGEST must be of the algorithm's length."""
    hashing = hashlib.new(f"sha{bits}")
    kind = body.get("MessageType", "RAW")
    if kind == "DIGEST":
        if len(message) != hashing.digest_size:
            raise Refused(400, "ValidationException", "Digest is invalid length for algorithm")
        return message
    if kind != "RAW" or not 1 <= len(message) <= _RAW_BYTES:
        raise Refused(400, "ValidationException", f"a message has 1 to {_RAW_BYTES} bytes")
    hashing.update(message)
    return hashing.digest()


def _generate(spec: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    curves: dict[str, ec.EllipticCurve] = {
        "ECC_NIST_P256": ec.SECP256R1(),
        "ECC_NIST_P384": ec.SECP384R1(),
        "ECC_NIST_P521": ec.SECP521R1(),
        "ECC_SECG_P256K1": ec.SECP256K1(),
    }
    if spec in curves:
        return ec.generate_private_key(curves[spec])
    if spec in _ALGORITHMS:
        return rsa.generate_private_key(65537, int(spec.removeprefix("RSA_")))
    raise ValueError(f"no key is of {spec}: one of {', '.join(_ALGORITHMS)}")


def _signature(key: _Key, algorithm: str, digest: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    of_bits = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    of = of_bits[algorithm.rpartition("_")[2]]
    scheme: tuple[Any, ...] = (ec.ECDSA(Prehashed(of)),)
    if algorithm.startswith("RSASSA_PSS"):
        scheme = (padding.PSS(padding.MGF1(of), padding.PSS.DIGEST_LENGTH), Prehashed(of))
    elif algorithm.startswith("RSASSA"):
        scheme = (padding.PKCS1v15(), Prehashed(of))
    signature: bytes = key.private.sign(digest, *scheme)
    return signature
