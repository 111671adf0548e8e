"""Trust root and signing configuration for services that run on loopback.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, in its JSON form.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ORIGIN", "LogKey", "signing_config", "trusted_root"]

ORIGIN = "127.0.0.1"
"""Of a log's checkpoints: clients take the host of its URL for it."""
LogKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_MEDIA_TYPE = "application/vnd.dev.sigstore."


def trusted_root(
    logs: Mapping[str, LogKey],
    certificate_logs: Mapping[str, LogKey],
    authorities: Mapping[str, bytes],
    timestamps: Mapping[str, bytes],
) -> str:
    """Keys of logs and chains of authorities in PEM, each by its URL."""
    document = {
        "mediaType": f"{_MEDIA_TYPE}trustedroot+json;version=0.1",
        "tlogs": [_log(url, key) for url, key in logs.items()],
        "ctlogs": [_log(url, key) for url, key in certificate_logs.items()],
        "certificateAuthorities": [_authority(url, pem) for url, pem in authorities.items()],
        "timestampAuthorities": [_authority(url, pem) for url, pem in timestamps.items()],
    }
    return json.dumps(document)


def signing_config(ca: str, logs: Mapping[str, int], tsa: str, oidc: str) -> str:
    """Version 0.2; logs with the version of their interface."""

    def service(url: str, version: int) -> dict[str, Any]:
        return {
            "url": url,
            "majorApiVersion": version,
            "validFor": _valid(),
            "operator": "test",
        }

    document = {
        "mediaType": f"{_MEDIA_TYPE}signingconfig.v0.2+json",
        "caUrls": [service(ca, 1)],
        "oidcUrls": [service(oidc, 1)],
        "rekorTlogUrls": [service(url, version) for url, version in logs.items()],
        "tsaUrls": [service(tsa, 1)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }
    return json.dumps(document)


def _log(url: str, key: LogKey) -> dict[str, Any]:
    """Ids of logs: RFC 6962 section 3.2; C2SP signed-note for Ed25519."""
    data = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if isinstance(key, ed25519.Ed25519PublicKey):
        details = "PKIX_ED25519"
        log_id = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + key.public_bytes_raw()).digest()
    else:
        details = "PKIX_ECDSA_P256_SHA_256"
        log_id = hashlib.sha256(data).digest()
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(data), "keyDetails": details, "validFor": _valid()},
        "logId": {"keyId": _b64(log_id)},
    }


def _authority(url: str, pem: bytes) -> dict[str, Any]:
    chain = [
        certificate.public_bytes(serialization.Encoding.DER)
        for certificate in x509.load_pem_x509_certificates(pem)
    ]
    return {
        "subject": {"organization": "test", "commonName": "test"},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": _b64(data)} for data in chain]},
        "validFor": _valid(),
    }


def _valid() -> dict[str, str]:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    return {"start": yesterday.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
