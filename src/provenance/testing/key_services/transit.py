"""`LocalTransit`: the transit engine of Vault and OpenBao on loopback.

Source: Vault's HTTP API, "Transit secrets engine" (create, read, rotate, sign), "Namespaces".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from typing import TYPE_CHECKING, Any

from provenance.testing.key_services.service import KeyService, Refused

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request

__all__ = ["LocalTransit"]

_TOKEN = "hvs.of-no-account"  # noqa: S105 - known to everybody
_PATH = re.compile(
    r"/v1/(?P<mount>.+)/(?P<what>keys|sign)/(?P<name>[^/]+)(?:/(?P<last>[a-z0-9-]+))?"
)
_HASHES = {f"sha2-{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)}
_NAMES = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}


class LocalTransit(KeyService):
    """A transit engine: keys of ECDSA, RSA and Ed25519, with versions.

    >>> with LocalTransit() as vault:
    ...     vault.create_key("release")
    """

    def __init__(self, *, tls: bool = False, mount: str = "transit", namespace: str = "") -> None:
        """Describe it.

        Args:
            tls: speak HTTPS with a certificate of its own authority, `ca_pem`.
            mount: the engine's path.
            namespace: the one namespace that there is.
        """
        super().__init__(tls=tls)
        self.mount, self.namespace = mount, namespace
        self._keys: dict[str, tuple[str, list[Any]]] = {}

    @property
    def environ(self) -> dict[str, str]:
        """Variables with which Vault's clients ask here; OpenBao's read them too."""
        return {
            "VAULT_ADDR": self.url,
            "VAULT_TOKEN": _TOKEN,
            "TRANSIT_SECRET_ENGINE_PATH": self.mount,
            **({"VAULT_NAMESPACE": self.namespace} if self.namespace else {}),
        }

    def create_key(self, name: str, *, kind: str = "ecdsa-p256") -> None:
        """Make a key: of `ecdsa-p256`, `-p384`, `-p521`, `rsa-BITS`, `ed25519`, `aes256-gcm96`.

        Raises:
            ValueError: no key is of that kind.
        """
        self._keys.setdefault(name, (kind, [_generate(kind)]))

    def rotate_key(self, name: str) -> None:
        """Make a newer version of a key. Raises KeyError: there is no such key."""
        kind, versions = self._keys[name]
        versions.append(_generate(kind))

    def operation(self, request: Request) -> str:
        """The path. Raises Refused without a login."""
        given = request.header("X-Vault-Token") or request.header("Authorization").removeprefix(
            "Bearer "
        )
        if given != _TOKEN or request.header("X-Vault-Namespace").strip("/") != self.namespace:
            raise Refused(403, "permission denied")
        return request.path

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the engine says, with everything around it that Vault sends."""
        found = _PATH.fullmatch(operation)
        if found is None or found["mount"] != self.mount:
            raise Refused(404, f"no handler for route {operation!r}")
        name, writes = found["name"], request.method in {"POST", "PUT"}
        if found["what"] == "sign" and writes:
            data = self._sign(name, found["last"] or str(body.get("hash_algorithm", "")), body)
        elif found["last"] == "rotate" and writes:
            self._known(name)
            self.rotate_key(name)
            data = self._read(name)
        elif found["last"] is None:
            if writes:
                self._create(name, str(body.get("type", "aes256-gcm96")))
            data = self._read(name)
        else:
            raise Refused(405, "unsupported operation")
        return {
            "request_id": str(uuid.uuid4()),
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": data,
            "wrap_info": None,
            "warnings": None,
            "auth": None,
        }

    def refusal(self, refused: Refused) -> dict[str, Any]:
        """An error as Vault has it."""
        return {"errors": [refused.code] if refused.code else []}

    def _create(self, name: str, kind: str) -> None:
        try:
            self.create_key(name, kind=kind)
        except ValueError as error:
            raise Refused(400, f"unknown key type {kind}") from error

    def _known(self, name: str) -> tuple[str, list[Any]]:
        if name not in self._keys:
            raise Refused(404, "")
        return self._keys[name]

    def _read(self, name: str) -> dict[str, Any]:
        kind, versions = self._known(name)
        return {
            "name": name,
            "type": kind,
            "latest_version": len(versions),
            "min_available_version": 0,
            "min_decryption_version": 1,
            "min_encryption_version": 0,
            "exportable": False,
            "supports_signing": kind != "aes256-gcm96",
            "keys": {str(n): _about(kind, key) for n, key in enumerate(versions, 1)},
        }

    def _sign(self, name: str, algorithm: str, body: dict[str, Any]) -> dict[str, Any]:
        kind, versions = self._known(name) if name in self._keys else ("", [])
        if not versions:
            raise Refused(400, "signing key not found")
        try:
            message = base64.b64decode(str(body.get("input", "")), validate=True)
            number = int(body.get("key_version") or 0)
        except (binascii.Error, ValueError, TypeError):
            raise Refused(400, "unable to decode the request") from None
        number = number or len(versions)
        if not 0 < number <= len(versions):
            raise Refused(400, "requested version for signing is not there")
        if kind == "aes256-gcm96":
            raise Refused(400, "key type aes256-gcm96 does not support signing")
        padding = str(body.get("signature_algorithm") or "pss")
        prehashed = bool(body.get("prehashed"))
        signed = _signature(
            versions[number - 1], kind, message, algorithm, padding, prehashed=prehashed
        )
        text = base64.b64encode(signed).decode()
        return {"key_version": number, "signature": f"vault:v{number}:{text}"}


def _about(kind: str, key: Any) -> Any:
    from cryptography.hazmat.primitives import serialization

    if kind == "aes256-gcm96":
        return 1_700_000_000  # the time it was made; there is no public half
    public = key.public_key()
    text = (
        base64.b64encode(public.public_bytes_raw()).decode()
        if kind == "ed25519"
        else public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
    )
    return {
        "creation_time": "2026-01-01T00:00:00.000000000Z",
        "name": _NAMES.get(kind, kind),
        "public_key": text,
        "certificate_chain": "",
    }


def _generate(kind: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    curves: dict[str, ec.EllipticCurve] = {
        "ecdsa-p256": ec.SECP256R1(),
        "ecdsa-p384": ec.SECP384R1(),
        "ecdsa-p521": ec.SECP521R1(),
    }
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in {"rsa-2048", "rsa-3072", "rsa-4096"}:
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    if kind == "aes256-gcm96":
        return None
    raise ValueError(f"no key is of {kind}")


def _signature(
    key: Any, kind: str, message: bytes, algorithm: str, pad: str, *, prehashed: bool
) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    if kind == "ed25519":
        if prehashed:
            raise Refused(400, "prehashed is not of this key")
        pure: bytes = key.sign(message)
        return pure
    name = _HASHES.get(algorithm or "sha2-256")
    if name is None:
        raise Refused(400, f"unsupported hash algorithm {algorithm!r}")
    digest = message if prehashed else hashlib.new(name, message).digest()
    if len(digest) != hashlib.new(name).digest_size:
        raise Refused(400, "the input is no digest of this algorithm")
    found = {
        "sha224": hashes.SHA224(),
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }[name]
    scheme: tuple[Any, ...] = (ec.ECDSA(Prehashed(found)),)
    if kind.startswith("rsa"):
        pss = padding.PSS(padding.MGF1(found), padding.PSS.MAX_LENGTH)
        scheme = (padding.PKCS1v15() if pad == "pkcs1v15" else pss, Prehashed(found))
    signature: bytes = key.sign(digest, *scheme)
    return signature
