"""The sigstore library, which must accept whatever is of a shape that it reads.

Our own algorithm proves every shape. Where the library's public API reads one too, nothing is
proven unless it says the same: two hands made them, and a mistake in one is caught by the other.
`docs/decisions/0012` says why, and lists where the two differ.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.attestation.bundle_parts import Envelope
from provenance.errors import InvalidEvidence, NotEvaluated, UnsupportedFormat
from provenance.verification.anchors import anchors_of
from provenance.verification.checkpoint import read_checkpoint
from provenance.verification.scts import embedded

if TYPE_CHECKING:
    from cryptography import x509
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.verify import Verifier

    from provenance.attestation.bundle_parts import BundleParts, LoggedEntry
    from provenance.trust import Trust
    from provenance.verification.anchors import Anchors
    from provenance.verification.content import SignedBytes
    from provenance.verification.proving import Demand, Proven

__all__ = ["confirm", "is_read_by_library"]

_KEY_ID_BYTES = 4
_ENVELOPE_KINDS = (("dsse", "0.0.1"), ("hashedrekord", "0.0.2"))
_MESSAGE_KINDS = (("hashedrekord", "0.0.1"), ("hashedrekord", "0.0.2"))


def confirm(parts: BundleParts, signed: SignedBytes, demand: Demand, proven: Proven) -> None:
    """Raise unless the library accepts what we have proven, or does not read such a shape.

    Raises:
        InvalidEvidence: step `second-opinion`: the library refuses.
    """
    if not is_read_by_library(parts, signed, demand, proven):
        return
    from sigstore.errors import Error

    try:
        _verify(parts, signed, demand.trust)
    except (Error, ValueError, TypeError) as error:
        raise InvalidEvidence(
            f"the sigstore library refuses it: {' '.join(str(error).split())[:300]}",
            step="second-opinion",
            hint="please report this bundle: two implementations differ",
        ) from error


def is_read_by_library(
    parts: BundleParts, signed: SignedBytes, demand: Demand, proven: Proven
) -> bool:
    """Whether the library is able to judge: by what is in the bundle and in the trust root."""
    if demand.key is not None or proven.leaf is None or demand.unsafe_no_log or not parts.version:
        return False
    if len(parts.entries) != 1 or len(parts.signatures) != 1:
        return False
    entry = parts.entries[0]
    if not _reads_proof(entry) or (parts.timestamps and not anchors_of(demand.trust).stampers):
        return False
    is_envelope = isinstance(parts.content, Envelope)
    kinds = _ENVELOPE_KINDS if is_envelope else _MESSAGE_KINDS
    if (entry.kind, entry.version) not in kinds or signed.hashed("sha256") is None:
        return False
    return (
        _reads_certificate(proven.leaf)
        and _reads_logs(entry, proven.leaf, anchors_of(demand.trust))
        and _reads_path(proven.leaf, proven.chain[0])
        and _reads_root(demand.trust, proven)
    )


def _reads_proof(entry: LoggedEntry) -> bool:
    """With a checkpoint, whose key id is the log's id: a root may tell the two apart."""
    if entry.proof is None or not entry.proof.checkpoint:
        return False
    note = read_checkpoint(entry.proof.checkpoint)
    return entry.log_id[:_KEY_ID_BYTES] in {key_id for _, key_id, _ in note.signatures}


def _reads_certificate(leaf: x509.Certificate) -> bool:
    """On P-256, of which it is settled that it signs with SHA-256, and with one timestamp."""
    return _curve(leaf.public_key()) == "secp256r1" and len(embedded(leaf)) == 1


def _reads_logs(entry: LoggedEntry, leaf: x509.Certificate, anchors: Anchors) -> bool:
    """Whether of the logs, too, it is settled: it takes each other curve for one with its hash."""
    logs = list(anchors.logs_of(entry.log_id))
    for stamp in embedded(leaf):
        logs += anchors.certificate_logs_of(stamp.log_id)
    return all(_curve(log.key) in {"", "secp256r1"} for log in logs)


def _curve(key: object) -> str:
    """Name of the curve of an ECDSA key; empty for another."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    return key.curve.name if isinstance(key, EllipticCurvePublicKey) else ""


def _reads_path(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether both are as the Web PKI has them, by whose rules the library builds paths.

    Fulcio's own are. RFC 5280 leaves more open, and authorities of one's own make use of it.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    below = {type(e.value): e.critical for e in leaf.extensions}
    above = {type(e.value): e.critical for e in issuer.extensions}
    return (
        isinstance(issuer.public_key(), (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))
        and x509.AuthorityKeyIdentifier in below
        and x509.KeyUsage in above
        and above.get(x509.BasicConstraints, False)
        and not any(found.get(x509.ExtendedKeyUsage) for found in (below, above))
    )


def _reads_root(trust: Trust, proven: Proven) -> bool:
    """Whether what was proven is proven by parts of the trust root that the library uses.

    It chains through certificates of the root alone, and takes the end of an authority's validity
    for the first moment after it, where protobuf-specs has both ends inside (`TimeRange`).
    """
    anchors = anchors_of(trust)
    trusted = {c for a in anchors.authorities for c in a.chain}
    ends = {(s.uri, s.validity.end) for s in anchors.stampers}
    return (
        bool(anchors.logs)
        and bool(anchors.certificate_logs)
        and trusted.issuperset(proven.chain)
        and all(s.signer is not None for s in anchors.stampers)
        and not any((t.authority, t.moment) in ends for t in proven.times)
    )


def _verify(parts: BundleParts, signed: SignedBytes, trust: Trust) -> None:
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle as SigstoreBundle

    # What it reads is what we have read, and nothing that another parser might see.
    # It chains by the trust root alone, and says so aloud where a root is brought along.
    alone = replace(parts, certificates=parts.certificates[:1])
    bundle: SigstoreBundle = SigstoreBundle.from_json(alone.to_json())
    if isinstance(parts.content, Envelope):
        found = _verifier(trust).verify_dsse(bundle, _AnyIdentity())
        if found != (parts.content.payload_type, parts.content.payload):
            raise ValueError("it read another payload")
        return
    from sigstore_models.common.v1 import HashAlgorithm

    digest = signed.hashed("sha256")
    if digest is None:
        raise NotEvaluated("the library judges SHA-256 alone")
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest)
    _verifier(trust).verify_artifact(hashed, bundle, _AnyIdentity())


class _AnyIdentity:
    """Lets every certificate pass: who signed is for our own last step."""

    def verify(self, cert: x509.Certificate) -> None:
        """Pass."""


@functools.lru_cache(maxsize=16)
def _verifier(trust: Trust) -> Verifier:
    """One for each trust: keys and certificates are parsed once, and only read from then on."""
    from sigstore.errors import Error
    from sigstore.verify import Verifier

    try:
        return Verifier(trusted_root=trust.trusted_root())
    except Error as error:
        raise UnsupportedFormat(f"the trust root cannot be used: {str(error)[:200]}") from error
