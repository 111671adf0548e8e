"""What a log entry says was signed, held against what the bundle says: both must be the same.

An entry that is in the log, but for something else, proves nothing: CVE-2022-36056 (payload),
CVE-2026-22703 (signature and key). Source: rekor, `pkg/types/{hashedrekord,dsse,intoto}`, and
rekor-tiles, `hashedrekord.proto` and `dsse.proto`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle_parts import Envelope
from provenance.attestation.public_key import PublicKey
from provenance.errors import InvalidEvidence, MalformedDocument, UnsupportedFormat
from provenance.strict_json import decode_object
from provenance.verification.certificate import key_of, load_certificate
from provenance.verification.content import SignedBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from provenance.attestation.bundle_parts import Content, LoggedEntry

__all__ = ["Claim", "Signing", "check_entry", "claims_of"]

_STEP = "log-entry"
_SEPARATORS = ((",", ":"), (", ", ": "))  # Go's and JavaScript's, and Python's
_ALGORITHMS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


@dataclass(frozen=True, slots=True)
class Signing:
    """What was signed, by what: what an entry must agree with."""

    content: Content
    signed: SignedBytes
    signature: bytes = field(repr=False)
    """The one that was verified."""
    certificate: bytes = field(repr=False)
    """In DER; empty: signed by a key."""
    key: PublicKey | None
    """None: signed with a certificate."""
    spelled: set[str] = field(default_factory=set, repr=False, compare=False)
    """SHA-256 of the envelope in each known spelling, once an entry asked for it: seconds, of a
    large one, and any number of entries may ask."""

    def is_verifier(self, pem: Any) -> bool:
        """Whether `pem`, in base64, is the certificate, or the key."""
        raw = _data(pem)
        if self.key is None:
            return _pem_certificate(raw) == self.certificate
        return b"PUBLIC KEY" in raw and self._is_key(raw)

    def is_message_verifier(self, verifier: Any) -> bool:
        """Whether a `Verifier` message of Rekor v2 is the certificate, or the key."""
        if self.key is None:
            return _data(_at(verifier, "x509Certificate", "rawBytes")) == self.certificate
        return self._is_key(_data(_at(verifier, "publicKey", "rawBytes")))

    def _is_key(self, raw: bytes) -> bool:
        try:
            return PublicKey.parse(raw) == self.key
        except UnsupportedFormat:  # of a kind that nobody can have asked for
            return False


@dataclass(frozen=True, slots=True)
class Claim:
    """That somebody made a signature, as an entry says it."""

    signature: bytes | None
    """None: the entry keeps none."""
    verifier: Any
    """In base64 a certificate or key in PEM, as Rekor v1 has it; else Rekor v2's message."""

    def is_by(self, signing: Signing) -> bool:
        """Whether it names the certificate, or the key, of `signing`."""
        if isinstance(self.verifier, dict):
            return signing.is_message_verifier(self.verifier)
        return signing.is_verifier(self.verifier)

    def key(self) -> PublicKeyTypes:
        """Whose it is said to be.

        Raises:
            InvalidEvidence, MalformedDocument: nobody's.
            UnsupportedFormat: of an algorithm not known here.
        """
        if isinstance(self.verifier, dict) and "publicKey" in self.verifier:
            return PublicKey.parse(_data(_at(self.verifier, "publicKey", "rawBytes"))).load()
        if isinstance(self.verifier, dict):
            certificate = _data(_at(self.verifier, "x509Certificate", "rawBytes"))
        elif not (certificate := _pem_certificate(_data(self.verifier))):
            return PublicKey.parse(_data(self.verifier)).load()
        return key_of(load_certificate(certificate))


def check_entry(entry: LoggedEntry, signing: Signing) -> None:
    """Raise unless the body of `entry` is for what `signing` is.

    Raises:
        InvalidEvidence: step `log-entry`: it is for something else, or of another kind than
            stated beside it.
        UnsupportedFormat: of a kind that is not read, or a hash that cannot be recomputed.
    """
    try:
        for claim in claims_of(entry, signing):
            if claim.signature in {None, signing.signature}:
                if not claim.is_by(signing):
                    raise _refuse("the log entry is for another certificate or key")
                return
    except MalformedDocument as error:
        raise _refuse(f"the log entry cannot be read: {error}") from error
    raise _refuse("the log entry is for another signature")


def claims_of(entry: LoggedEntry, signing: Signing) -> Iterator[Claim]:
    """Who made which signature, by an entry that is for the same bytes.

    Raises:
        InvalidEvidence, UnsupportedFormat: as of `check_entry`.
        MalformedDocument: it cannot be read.
    """
    body = decode_object(entry.body)
    if (body.get("kind"), body.get("apiVersion")) != (entry.kind, entry.version):
        raise _refuse("the log entry is of another kind than the bundle says")
    read = _KINDS.get((entry.kind, entry.version))
    if read is None:
        raise UnsupportedFormat(
            f"the log entry is of kind {entry.kind[:50]!r}, version {entry.version[:20]!r}, "
            "which is not verified",
            hint="verify it with cosign",
        )
    yield from read(_at(body, "spec"), signing)


def _hashedrekord_v001(spec: Any, signing: Signing) -> Iterator[Claim]:
    """Over the bytes themselves: of an envelope, what its signatures are over."""
    _same_hash(_at(spec, "data", "hash"), signing.signed, "the signed bytes")
    made = _at(spec, "signature")
    yield Claim(_data(_at(made, "content")), _pem(_at(made, "publicKey", "content")))


def _hashedrekord_v002(spec: Any, signing: Signing) -> Iterator[Claim]:
    entry = _at(spec, "hashedRekordV002")
    _same_digest(_at(entry, "data"), signing.signed, "the signed bytes")
    made = _at(entry, "signature")
    yield Claim(_data(_at(made, "content")), _message(_at(made, "verifier")))


def _dsse_v001(spec: Any, signing: Signing) -> Iterator[Claim]:
    envelope = _envelope(signing)
    _same_hash(_at(spec, "payloadHash"), SignedBytes(envelope.payload), "the payload")
    for made in _array(_at(spec, "signatures")):
        yield Claim(_data(_at(made, "signature")), _pem(_at(made, "verifier")))


def _dsse_v002(spec: Any, signing: Signing) -> Iterator[Claim]:
    envelope, entry = _envelope(signing), _at(spec, "dsseV002")
    _same_digest(_at(entry, "payloadHash"), SignedBytes(envelope.payload), "the payload")
    for made in _array(_at(entry, "signatures")):
        yield Claim(_data(_at(made, "content")), _message(_at(made, "verifier")))


def _intoto_v001(spec: Any, signing: Signing) -> Iterator[Claim]:
    """The entry has no signature: only the hash of the envelope binds it."""
    envelope, content = _envelope(signing), _object(spec, "content")
    if "payloadHash" in content:
        _same_hash(content["payloadHash"], SignedBytes(envelope.payload), "the payload")
    _check_envelope_hash(_at(content, "hash"), envelope, signing.spelled)
    yield Claim(None, _pem(_at(spec, "publicKey")))


def _check_envelope_hash(stated: Any, envelope: Envelope, known: set[str]) -> None:
    if _at(stated, "algorithm") != "sha256":
        raise _refuse("the log entry has a hash of the envelope other than SHA-256")
    if not known:
        known.update(hashlib.sha256(spelling).hexdigest() for spelling in _spellings(envelope))
    value = _at(stated, "value")
    if isinstance(value, str) and value in known:
        return
    if envelope.raw:
        raise _refuse("the log entry is for another envelope")
    raise UnsupportedFormat(
        "the log entry has the hash of an envelope that is spelled in a way not known here",
        hint="verify it with the envelope as cosign attached it",
    )


def _intoto_v002(spec: Any, signing: Signing) -> Iterator[Claim]:
    """The signature is in base64 twice, as is the payload where it was not left out."""
    envelope, content = _envelope(signing), _object(spec, "content")
    logged = _object(content, "envelope")
    if "payloadHash" not in content and "payload" not in logged:
        raise _refuse("the log entry has neither payload nor its hash")
    if "payloadHash" in content:
        _same_hash(content["payloadHash"], SignedBytes(envelope.payload), "the payload")
    if "payload" in logged and _twice(logged["payload"]) != envelope.payload:
        raise _refuse("the log entry is for another payload")
    if logged.get("payloadType", envelope.payload_type) != envelope.payload_type:
        raise _refuse("the log entry is for another type of payload")
    for made in _array(_at(logged, "signatures")):
        yield Claim(_twice(_at(made, "sig")), _pem(_at(made, "publicKey")))


_KINDS: dict[tuple[str, str], Callable[[Any, Signing], Iterator[Claim]]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_v001,
    ("hashedrekord", "0.0.2"): _hashedrekord_v002,
    ("dsse", "0.0.1"): _dsse_v001,
    ("dsse", "0.0.2"): _dsse_v002,
    ("intoto", "0.0.1"): _intoto_v001,
    ("intoto", "0.0.2"): _intoto_v002,
}


def _envelope(signing: Signing) -> Envelope:
    if not isinstance(signing.content, Envelope):
        raise _refuse("the log entry is for an envelope, and the bundle has none")
    return signing.content


def _spellings(envelope: Envelope) -> Iterator[bytes]:
    """The envelope's own bytes, else how the known DSSE libraries write one."""
    if envelope.raw:
        yield envelope.raw
        return
    payload = base64.b64encode(envelope.payload).decode("ascii")
    signatures = [base64.b64encode(s).decode("ascii") for s in envelope.signatures]
    head = {"payloadType": envelope.payload_type, "payload": payload}
    turned = {"payload": payload, "payloadType": envelope.payload_type}
    listed: list[list[dict[str, str]]] = [
        [{"keyid": "", "sig": s} for s in signatures],
        [{"sig": s} for s in signatures],
        [{"sig": s, "keyid": ""} for s in signatures],
    ]
    for start, tail, separators in itertools.product((head, turned), listed, _SEPARATORS):
        document = start | {"signatures": tail}
        yield json.dumps(document, separators=separators, ensure_ascii=False).encode()


def _same_hash(stated: Any, signed: SignedBytes, what: str) -> None:
    """Rekor v1: the name of the algorithm and hex."""
    algorithm = _at(stated, "algorithm")
    found = _recomputed(algorithm, signed)
    if found.hex() != _at(stated, "value"):
        raise _refuse(f"the log entry has another hash of {what}")


def _same_digest(stated: Any, signed: SignedBytes, what: str) -> None:
    """Rekor v2: the enumeration's name and base64."""
    algorithm = _at(stated, "algorithm")
    name = _ALGORITHMS.get(algorithm, "") if isinstance(algorithm, str) else ""
    if _recomputed(name, signed) != _data(_at(stated, "digest")):
        raise _refuse(f"the log entry has another hash of {what}")


def _recomputed(algorithm: Any, signed: SignedBytes) -> bytes:
    found = signed.hashed(algorithm) if isinstance(algorithm, str) else None
    if found is None:
        raise UnsupportedFormat(
            f"the log entry has a hash ({str(algorithm)[:20]}) that cannot be recomputed",
            hint="give the file itself, not its digest",
        )
    return found


def _at(value: Any, *names: str) -> Any:
    """The field at the end of a path. Raises InvalidEvidence where there is none."""
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise _refuse(f"the log entry lacks {name}")
        value = value[name]
    return value


def _object(value: Any, name: str) -> Mapping[str, Any]:
    found = _at(value, name)
    if not isinstance(found, dict):
        raise _refuse(f"the log entry has no {name}")
    return found


def _array(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise _refuse("the log entry has no list of signatures")
    return value


def _data(text: Any) -> bytes:
    """Bytes out of base64. Raises InvalidEvidence for anything else."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise _refuse("the log entry has something that is no base64") from error


def _pem(verifier: Any) -> str:
    """As it is, where it is a text. Raises InvalidEvidence for anything else."""
    if not isinstance(verifier, str):
        raise _refuse("the log entry has something that is no base64")
    return verifier


def _message(verifier: Any) -> dict[str, Any]:
    """As it is, where it is an object. Raises InvalidEvidence for anything else."""
    if not isinstance(verifier, dict):
        raise _refuse("the log entry lacks a verifier")
    return verifier


def _twice(text: Any) -> bytes:
    """What is in base64 twice. Raises InvalidEvidence for anything else."""
    once = _data(text)
    data = _data(once)
    if base64.b64encode(data) != once:
        raise _refuse("the log entry has something that is not in base64 twice")
    return data


def _pem_certificate(raw: bytes) -> bytes:
    """DER of the one certificate in `raw`; empty for anything else."""
    text = raw.decode("ascii", "replace").strip()
    head, tail = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if not (text.startswith(head) and text.endswith(tail)) or text.count("-----BEGIN") != 1:
        return b""
    try:
        return base64.b64decode("".join(text[len(head) : -len(tail)].split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(
        message, step=_STEP, hint="the entry belongs to another bundle, or the bundle is forged"
    )
