"""Keys of the transit engine: HashiCorp Vault and OpenBao, over our transport.

Source: their HTTP API, "Transit secrets engine" (read key, sign data); sigstore
`pkg/signature/kms/hashivault`. Surroundings as their own clients and cosign read them:
`VAULT_ADDR`, `VAULT_TOKEN` or `~/.vault-token`, `VAULT_NAMESPACE`, `VAULT_CACERT`,
`TRANSIT_SECRET_ENGINE_PATH`; OpenBao's first under `BAO_` names.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    MalformedDocument,
    NotEvaluated,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.keys.schemes import hash_of
from provenance.signing.keys.services import ServiceKey, ask_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.settings import Settings
    from provenance.signing.keys.references import VaultKey

__all__ = ["open_transit_key"]

_HASHES = {"sha256": "sha2-256", "sha384": "sha2-384", "sha512": "sha2-512"}
_TOKEN_BYTES = 4096
_MOUNT = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)
_SIGNATURE = re.compile(r"[a-z]+:v([0-9]{1,9}):([A-Za-z0-9+/=_-]+)")


def open_transit_key(
    reference: VaultKey, settings: Settings, environ: Mapping[str, str]
) -> ServiceKey:
    """The newest version of a transit key: ECDSA, RSA or Ed25519.

    Raises:
        NotEvaluated: no address is set, or it is none.
        Unauthorized: there is no token, or it is not accepted.
        NotFound, Forbidden, RateLimited, RegistryUnavailable: the engine gave no key.
        UnsupportedFormat: a kind of key that is not used here.
    """
    engine = _Engine(reference, settings, environ)
    version, public = _newest(engine.call("GET", "keys"))

    def ask(what: bytes) -> bytes:
        return engine.sign(public, version, what)

    return ServiceKey(public, str(reference), ask)


class _Engine:
    """One key of an engine. The token stays in here."""

    def __init__(self, reference: VaultKey, settings: Settings, environ: Mapping[str, str]) -> None:
        first = ("BAO", "VAULT") if reference.product == "openbao" else ("VAULT",)

        def either(name: str) -> str:
            return next((v for p in first if (v := environ.get(f"{p}_{name}"))), "")

        address = either("ADDR").rstrip("/")
        if not address:
            raise NotEvaluated(
                f"{reference} is in no engine: {first[0]}_ADDR is not set",
                hint=f"set {first[0]}_ADDR to its address",
            )
        mount = environ.get("TRANSIT_SECRET_ENGINE_PATH") or "transit"
        if not _MOUNT.fullmatch(mount):
            raise NotEvaluated("TRANSIT_SECRET_ENGINE_PATH is no path", hint="as in `transit`")
        authority = either("CACERT")
        self._settings = (
            dataclasses.replace(settings, ca_bundle=Path(authority)) if authority else settings
        )
        self._base, self._name = f"{address}/v1/{mount}", quote(reference.name, safe="")
        namespace = either("NAMESPACE")
        self._headers = {"X-Vault-Namespace": namespace} if namespace else {}
        self._token = either("TOKEN").strip() or _kept_token(environ)

    def call(self, method: str, what: str, last: str = "", body: Any = None) -> dict[str, Any]:
        from provenance.transport.client import Client

        with Client(self._settings) as client:
            answer = ask_json(
                client,
                method,
                f"{self._base}/{what}/{self._name}{last}",
                secret=self._token,
                body=body,
                headers={**self._headers, "X-Vault-Request": "true"},
            )
        data = answer.get("data")
        if not isinstance(data, dict):
            raise RegistryUnavailable("the transit engine answered without data", hint=_NO_ENGINE)
        return data

    def sign(self, key: PublicKey, version: int, what: bytes) -> bytes:
        hashed = hash_of(key)
        body: dict[str, Any] = {"key_version": version, "prehashed": bool(hashed)}
        body["input"] = base64.b64encode(what).decode()
        if key.algorithm.startswith("rsa"):
            body["signature_algorithm"] = "pkcs1v15"
        last = f"/{_HASHES[hashed]}" if hashed else ""
        found = _SIGNATURE.fullmatch(str(self.call("POST", "sign", last, body).get("signature")))
        if found is None:
            raise RegistryUnavailable("the transit engine gave no signature", hint=_NO_ENGINE)
        try:
            return base64.b64decode(found[2], validate=True)
        except binascii.Error as error:
            raise RegistryUnavailable(
                "the transit engine gave no signature in base64", hint=_NO_ENGINE
            ) from error


def _newest(data: dict[str, Any]) -> tuple[int, PublicKey]:
    versions, newest = data.get("keys"), data.get("latest_version")
    named = versions.get(str(newest)) if isinstance(versions, dict) else None
    if not isinstance(newest, int) or isinstance(newest, bool) or named is None:
        raise RegistryUnavailable(
            "the transit engine named no newest version of the key", hint=_NO_ENGINE
        )
    text = named.get("public_key") if isinstance(named, dict) else None
    if not isinstance(text, str) or not text:
        raise UnsupportedFormat(
            "the transit key has no public half, so it signs nothing",
            hint="make one of type ecdsa-p256: vault write -f transit/keys/NAME type=ecdsa-p256",
        )
    return newest, _public(text)


def _public(text: str) -> PublicKey:
    """PEM; but 32 bytes in base64 of an Ed25519 key."""
    if "-----BEGIN" in text:
        return PublicKey.parse(text.encode())
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise MalformedDocument("the transit engine gave no public key") from error
    return PublicKey.parse(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _kept_token(environ: Mapping[str, str]) -> str:
    """What `vault login` keeps."""
    home = environ.get("HOME")
    path = Path(home) / ".vault-token" if home else None
    try:
        token = path.read_bytes()[:_TOKEN_BYTES].decode().strip() if path else ""
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        raise Unauthorized("there is no token for Vault", hint="set VAULT_TOKEN, or `vault login`")
    return token


_NO_ENGINE = "check VAULT_ADDR and TRANSIT_SECRET_ENGINE_PATH"
