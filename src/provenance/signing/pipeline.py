"""The way of a signature: key, timestamps, log entries, bundle. It judges nothing itself.

Source: the Sigstore client specification, "Signing"; protobuf-specs, `sigstore_bundle.proto`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.errors import ProvenanceError, SigningError
from provenance.signing import rekor_v1, rekor_v2
from provenance.signing.algorithms import hash_name, scheme_of
from provenance.signing.exchange import ServiceError
from provenance.signing.handle import DigestHandle
from provenance.signing.message import Bytes
from provenance.signing.record import Envelope, Record, b64
from provenance.signing.timestamping import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.attestation.public_key import PublicKey
    from provenance.signing.exchange import Exchange
    from provenance.signing.handle import KeyHandle
    from provenance.signing.message import Message
    from provenance.signing.signing_config import Choice, Service
    from provenance.trust.material import Log

__all__ = ["Credential", "make_bundle"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Credential:
    """What one signature is made with."""

    key: KeyHandle
    certificate: bytes = b""
    """DER; empty: verifiers know the key."""


def make_bundle(
    message: Message | Envelope,
    credential: Credential,
    *,
    exchange: Exchange,
    logs: Choice,
    clocks: Choice,
    known: Sequence[Log] = (),
) -> bytes:
    """A bundle, version 0.3, in JSON, over `message`.

    Timestamps come before log entries: what is logged stays for ever, so whatever can fail comes
    first. What the logs `known` to the trust root are called is needed where a log has the entry
    already.

    Raises:
        SigningError: the key did not sign, or fewer services did their part than are needed.
    """
    # Plan, after the client specification:
    #  1 sign
    #  2 timestamps over the signature, as many as the configuration asks for
    #  3 log entries, likewise
    #  4 all of it in a bundle; the caller verifies that before it hands it out
    record = _sign(message, credential)  # 1
    try:
        stamps = _gather(clocks, lambda s: stamp(exchange, s.url, record.signature))  # 2
    except ServiceError as error:
        raise ServiceError(error.message, hint=f"{error.hint}; nothing was logged") from error
    entries = _gather(logs, lambda s: _log(exchange, s, record, known))  # 3
    return json.dumps(_bundle(record, entries, stamps)).encode()  # 4


def _log(
    exchange: Exchange, service: Service, record: Record, known: Sequence[Log]
) -> dict[str, Any]:
    """The entry that one log makes. Raises ServiceError."""
    if service.version == 1:
        return rekor_v1.log_entry(exchange, service.url, record)
    return rekor_v2.log_entry(exchange, service.url, record, known)


def _sign(message: Message | Envelope, credential: Credential) -> Record:
    from provenance.signing.keys.schemes import check_signature

    envelope = message if isinstance(message, Envelope) else None
    signed: Message = Bytes(message.signed) if isinstance(message, Envelope) else message
    key, public = credential.key, credential.key.public_key
    scheme = scheme_of(public.algorithm)
    if scheme.hash and isinstance(key, DigestHandle):
        digest = covered = signed.digest(scheme.hash)
        signature = _ask(lambda: key.sign_digest(digest), public)
    else:
        data = signed.read()
        digest = hashlib.new(scheme.hash or "sha256", data).digest()
        covered = digest if scheme.hash else data
        signature = _ask(lambda: key.sign(data), public)
    # A handle may be anybody's code: what is not its key's is not sent anywhere.
    check_signature(public, covered, signature)
    return Record(signature, scheme, digest, public, credential.certificate, envelope)


def _ask(sign: Callable[[], bytes], key: PublicKey) -> bytes:
    """What a handle signs; whatever it raises is ours from here on."""
    try:
        return bytes(sign())
    except ProvenanceError:
        raise
    # A handle is the caller's code, over any service's library.
    except Exception as error:
        raise SigningError(
            f"{key} did not sign: {type(error).__name__}", hint="see its cause"
        ) from error


def _gather(choice: Choice, ask: Callable[[Service], _T]) -> list[_T]:
    """As many answers as are needed, of the first services that give one."""
    found: list[_T] = []
    failed: list[ServiceError] = []
    for service in choice.services:
        if len(found) == choice.needed:
            break
        try:
            found.append(ask(service))
        except ServiceError as error:
            failed.append(error)
    if len(found) < choice.needed:
        raise ServiceError(
            "; ".join(error.message for error in failed),
            hint=failed[0].hint or "try again later",
        ) from failed[0]
    return found


def _bundle(record: Record, entries: list[dict[str, Any]], stamps: list[bytes]) -> dict[str, Any]:
    material: dict[str, Any]
    if record.certificate:
        material = {"certificate": {"rawBytes": b64(record.certificate)}}
    else:
        # The hint is cosign's: the hash of the key, so that a verifier finds it among several.
        hint = b64(hashlib.sha256(record.public_key.der).digest())
        material = {"publicKey": {"hint": hint}}
    material["tlogEntries"] = entries
    if stamps:
        material["timestampVerificationData"] = {
            "rfc3161Timestamps": [{"signedTimestamp": b64(stamp)} for stamp in stamps]
        }
    bundle: dict[str, Any] = {"mediaType": BUNDLE_MEDIA_TYPE, "verificationMaterial": material}
    if record.envelope is not None:
        bundle["dsseEnvelope"] = record.envelope.document(record.signature)
        return bundle
    bundle["messageSignature"] = {
        "messageDigest": {"algorithm": hash_name(record.hash), "digest": b64(record.digest)},
        "signature": b64(record.signature),
    }
    return bundle
