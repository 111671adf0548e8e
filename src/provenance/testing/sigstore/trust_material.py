"""What clients need to know of the embedded Sigstore: trust root and signing configuration.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, in its JSON form.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from provenance.testing.sigstore.keys import der, spki

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["Listed", "Part", "client_trust_config", "encode", "signing_config", "trusted_root"]

_MEDIA_TYPE = "application/vnd.dev.sigstore."

Part = TypeVar("Part")


@dataclass(slots=True)
class Listed(Generic[Part]):
    """A part as the trust root lists it: where it is, and from when to when it is believed."""

    part: Part
    path: str
    """Of its URL."""
    start: dt.datetime
    end: dt.datetime | None = None
    """None: it still serves."""


def trusted_root(
    url: str,
    *,
    authorities: Iterable[Listed[CertificateAuthority]],
    ct_keys: Iterable[Listed[ec.EllipticCurvePrivateKey]],
    logs: Iterable[Listed[Log]],
    tsas: Iterable[Listed[TimestampAuthority]],
) -> dict[str, Any]:
    """The trust root, as `--trusted-root` of the Sigstore tools takes it."""
    return {
        "mediaType": f"{_MEDIA_TYPE}trustedroot+json;version=0.1",
        "tlogs": [
            _log(url, one, one.part.public_key, one.part.key_details, one.part.log_id)
            for one in logs
        ],
        "certificateAuthorities": [
            _authority(url, "fulcio", one, one.part.authority.chain) for one in authorities
        ],
        "ctlogs": [_ct_log(url, one) for one in ct_keys],
        "timestampAuthorities": [_authority(url, "timestamp", one, one.part.chain) for one in tsas],
    }


def signing_config(
    url: str,
    *,
    start: dt.datetime,
    logs: Iterable[Listed[Log]],
    tsas: Iterable[Listed[TimestampAuthority]],
    selector: str = "ANY",
) -> dict[str, Any]:
    """Where to sign, as `--signing-config` takes it (version 0.2).

    Each log and each timestamp authority is of an operator of its own: clients take one of each.
    """
    valid = _window(start, None)

    def service(address: str, version: int, operator: str = "local") -> dict[str, Any]:
        return {
            "url": address,
            "majorApiVersion": version,
            "validFor": valid,
            "operator": operator,
        }

    return {
        "mediaType": f"{_MEDIA_TYPE}signingconfig.v0.2+json",
        "caUrls": [service(url, 1)],
        "oidcUrls": [service(url, 1)],
        "rekorTlogUrls": [
            service(url + one.path, one.part.version, _operator(n)) for n, one in enumerate(logs)
        ],
        "tsaUrls": [
            service(f"{url}{one.path}/api/v1/timestamp", 1, _operator(n))
            for n, one in enumerate(tsas)
        ],
        "rekorTlogConfig": {"selector": selector},
        "tsaConfig": {"selector": selector},
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


def _operator(number: int) -> str:
    return f"local {number + 1}" if number else "local"


def _ct_log(url: str, one: Listed[ec.EllipticCurvePrivateKey]) -> dict[str, Any]:
    key = spki(one.part.public_key())
    return _log(url, one, key, "PKIX_ECDSA_P256_SHA_256", hashlib.sha256(key).digest())


def _log(url: str, one: Listed[Any], key: bytes, details: str, log_id: bytes) -> dict[str, Any]:
    return {
        "baseUrl": url + one.path,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _b64(key),
            "keyDetails": details,
            "validFor": _window(one.start, one.end),
        },
        "logId": {"keyId": _b64(log_id)},
    }


def _authority(
    url: str, name: str, one: Listed[Any], chain: Sequence[x509.Certificate]
) -> dict[str, Any]:
    return {
        "subject": {"organization": "provenance local sigstore", "commonName": name},
        "uri": url + one.path,
        "certChain": {"certificates": [{"rawBytes": _b64(der(c))} for c in chain]},
        "validFor": _window(one.start, one.end),
    }


def _window(start: dt.datetime, end: dt.datetime | None) -> dict[str, str]:
    return {"start": _moment(start)} | ({} if end is None else {"end": _moment(end)})


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
