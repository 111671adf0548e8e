"""What clients need to know of the embedded Sigstore: trust root and signing configuration.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, in its JSON form.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from provenance.testing.sigstore.keys import der, spki

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["client_trust_config", "encode", "signing_config", "trusted_root"]

_MEDIA_TYPE = "application/vnd.dev.sigstore."
_ECDSA, _ED25519 = "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"


def trusted_root(
    url: str, ca: CertificateAuthority, log: Log, tsa: TimestampAuthority, start: dt.datetime
) -> dict[str, Any]:
    """The trust root, as `--trusted-root` of the Sigstore tools takes it."""
    valid = _from(start)
    ct_key = spki(ca.ct_key.public_key())
    return {
        "mediaType": f"{_MEDIA_TYPE}trustedroot+json;version=0.1",
        "tlogs": [_log(url, log.public_key, _ED25519, log.log_id, valid)],
        "certificateAuthorities": [_authority(url, "fulcio", ca.authority.chain, valid)],
        "ctlogs": [_log(f"{url}/ct", ct_key, _ECDSA, ca.ct_log_id, valid)],
        "timestampAuthorities": [_authority(url, "timestamp", tsa.chain, valid)],
    }


def signing_config(url: str, start: dt.datetime) -> dict[str, Any]:
    """Where to sign, as `--signing-config` takes it (version 0.2)."""

    def service(address: str, version: int) -> dict[str, Any]:
        return {
            "url": address,
            "majorApiVersion": version,
            "validFor": _from(start),
            "operator": "local",
        }

    return {
        "mediaType": f"{_MEDIA_TYPE}signingconfig.v0.2+json",
        "caUrls": [service(url, 1)],
        "oidcUrls": [service(url, 1)],
        "rekorTlogUrls": [service(url, 2)],
        "tsaUrls": [service(f"{url}/api/v1/timestamp", 1)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }


def client_trust_config(root: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Both in one, as sigstore-python's `--trust-config` takes it."""
    return {
        "mediaType": f"{_MEDIA_TYPE}clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": config,
    }


def encode(document: dict[str, Any]) -> bytes:
    """As it is handed out."""
    return json.dumps(document, indent=1).encode()


def _log(
    url: str, key: bytes, details: str, log_id: bytes, valid: dict[str, str]
) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(key), "keyDetails": details, "validFor": valid},
        "logId": {"keyId": _b64(log_id)},
    }


def _authority(
    url: str, name: str, chain: Sequence[x509.Certificate], valid: dict[str, str]
) -> dict[str, Any]:
    return {
        "subject": {"organization": "provenance local sigstore", "commonName": name},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": _b64(der(c))} for c in chain]},
        "validFor": valid,
    }


def _from(moment: dt.datetime) -> dict[str, str]:
    return {"start": moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
