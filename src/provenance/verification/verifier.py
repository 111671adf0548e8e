"""`verify_bundle`: from a bundle and a subject to a proven statement, or the step that refused.

The cryptography is the sigstore library's. Ours is what it leaves to its callers: that the
payload is a statement, about this subject, by whom one expected; and what may be reported.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle import Bundle
from provenance.attestation.predicate_types import matches
from provenance.attestation.statement import PAYLOAD_TYPE, Statement
from provenance.errors import (
    InvalidEvidence,
    MalformedDocument,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.verification.certificate import check_judgeable, is_usual_key, read_certificate
from provenance.verification.logged import proven_time_and_index
from provenance.verification.signed import LogEntry, SignedStatement, VerifiedTime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.verify import Verifier

    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Identity

__all__ = ["verify_bundle"]

_ENTRY_KINDS = (("dsse", "0.0.1"), ("hashedrekord", "0.0.2"))
"""How Rekor v1 and v2 log a DSSE envelope. Others (`intoto`) exist, and are not read here."""

# Words of the sigstore library's refusals to the step that refused. The first that occurs counts.
_STEPS = (
    ("log entry payload hash", "log-entry"),
    ("log entry signatures", "log-entry"),
    ("log entry is inconsistent", "log-entry"),
    ("Expected entry type", "log-entry"),
    ("invalid DSSE log entry", "log-entry"),
    ("invalid log entry", "transparency-log"),
    ("SCT", "certificate-transparency"),
    ("certificate chain", "certificate-chain"),
    ("expired at time of signing", "certificate-chain"),
    ("ey usage", "certificate-profile"),
    ("xtended usage", "certificate-profile"),
    ("verified time", "time"),
    ("imestamp", "time"),
    ("ntegrated time", "time"),
    ("DSSE: invalid signature", "signature"),
)


def verify_bundle(
    bundle: Bundle | bytes,
    subject: Digest | None,
    *,
    trust: Trust,
    identity: Identity | None = None,
    key: PublicKey | None = None,
    predicate_type: str | None = None,
    unsafe_no_log: bool = False,
    limits: Limits | None = None,
) -> SignedStatement:
    """Prove that `identity` signed a statement about `subject`.

    Args:
        bundle: a Sigstore bundle with a DSSE envelope.
        subject: digest the statement must be about; None: the caller checks that itself.
        trust: whom to believe. No network is used.
        identity: who must have signed; None: anyone, and the caller checks who it was.
        key: the key that must have signed instead; a certificate never stands in for it.
        predicate_type: what the statement must be: a type, or a family such as `signature`;
            None: the caller checks what it is (CVE-2026-39395).
        unsafe_no_log: accept a signature that no transparency log has.
        limits: `bundle_bytes` applies.

    Returns:
        The statement, signer, time and log index; only what was proven.

    Raises:
        MalformedDocument: no bundle.
        InvalidEvidence: `step` refused; for `identity` the message tells who did sign.
        UnsupportedFormat: a bundle of a shape not verified here yet: nothing is known.
    """
    # Plan, after the Sigstore client specification:
    #  0 the bundle can be read in one way only, and is of a shape that can be judged
    #  1 a time is established (timestamp authority, or the log's promise)
    #  2 the certificate chains to the trust root at that time; its SCT is of a trusted CT log
    #  3 the certificate is for signing code
    #  4 the log entry is in a trusted log (inclusion proof, checkpoint)
    #  5 the signature over the payload's bytes is the certificate's key's
    #  6 the log entry is for this envelope and certificate (CVE-2022-36056, CVE-2026-22703)
    #  7 the payload is an in-toto statement, names the subject, and is of the type asked for
    #  8 the signer is the one expected; last, so that a miss can tell who it was
    if not isinstance(bundle, Bundle):
        bundle = Bundle.parse(bundle, limits=limits)
    if key is not None or unsafe_no_log:
        raise UnsupportedFormat("signatures by a key, or without a log, are not verified yet")
    _check_shape(bundle)  # 0
    checked, payload_type, payload = _verify_with_sigstore(bundle, trust)  # 1 to 6
    time, log_index = proven_time_and_index(checked)
    signer = read_certificate(checked.signing_certificate)
    statement = _statement(payload_type, payload)  # 7
    if subject is not None and not statement.is_about(subject):
        named = ", ".join(
            sorted({f"{a}:{v}" for s in statement.subjects for a, v in s.digest.items()})
        )
        raise InvalidEvidence(
            f"the statement is about {named[:300] or 'nothing'}, not about {subject}",
            step="subject",
            digest=subject,
            hint="it belongs to another image",
        )
    if predicate_type is not None and not matches(statement.predicate_type, predicate_type):
        raise InvalidEvidence(
            f"the statement is of type {statement.predicate_type[:200]}, not {predicate_type}",
            step="predicate-type",
            hint="it says something else",
        )
    if identity is not None and (why := identity.mismatch(signer)):  # 8
        raise InvalidEvidence(why, step="identity", hint="check the identity you expect")
    entry = LogEntry("", log_index, " ".join(_spelled(bundle.log_entries[0])))
    times = (VerifiedTime(time, "log or timestamp authority"),) if time else ()
    return SignedStatement(statement=statement, signer=signer, times=times, log_entries=(entry,))


def _check_shape(bundle: Bundle) -> None:
    """Refuse what the steps below cannot judge: that is not knowing, it is not a bad signature."""
    if bundle.content != "dsse":
        raise UnsupportedFormat(
            "the bundle signs bytes, not a statement", hint="images are signed by statements"
        )
    if bundle.has_key and not bundle.has_certificate:
        raise UnsupportedFormat(
            "the bundle is signed by a key without a certificate, which is not verified yet",
            hint="verify it with cosign verify --key",
        )
    counts = {"signatures": bundle.signature_count, "log entries": len(bundle.log_entries)}
    for what, count in counts.items():
        if count != 1:
            raise UnsupportedFormat(
                f"the bundle has {count} {what}; exactly one is verified here",
                hint="verify it with cosign",
            )
    entry = bundle.log_entries[0]
    spelled = _spelled(entry)
    if spelled not in _ENTRY_KINDS:
        raise UnsupportedFormat(
            f"the log entry is of kind {str(spelled[0])[:50]!r}, version "
            f"{str(spelled[1])[:20]!r}, which is not verified yet",
            hint="verify it with cosign",
        )
    proof = entry.get("inclusionProof")
    if bundle.version == "0.1" and not (isinstance(proof, dict) and proof.get("checkpoint")):
        raise UnsupportedFormat(
            "the log entry has the log's promise and no proof, which is not verified yet",
            hint="verify it with cosign",
        )


def _spelled(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    """Kind and version, as the entry says."""
    kind = entry.get("kindVersion")
    return (kind.get("kind"), kind.get("version")) if isinstance(kind, dict) else (kind, "")


def _verify_with_sigstore(bundle: Bundle, trust: Trust) -> tuple[SigstoreBundle, str, bytes]:
    """Steps 1 to 6. What comes back is what the sigstore library verified."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from sigstore.errors import MetadataError, VerificationError
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.models import InvalidBundle

    certificate: x509.Certificate | None = None
    try:
        checked = SigstoreBundle.from_json(bundle.raw)
        certificate = checked.signing_certificate
        check_judgeable(certificate)
        payload_type, payload = _verifier(trust).verify_dsse(checked, _AnyIdentity())
    except InvalidBundle as error:
        raise MalformedDocument(f"the bundle is not well formed: {str(error)[:300]}") from error
    except MetadataError as error:
        raise UnsupportedFormat(
            f"the trust root lacks what this bundle needs: {str(error)[:300]}",
            hint="name another trust root",
        ) from error
    except UnsupportedAlgorithm as error:
        raise UnsupportedFormat(f"an algorithm of the bundle is not known: {error}") from error
    except VerificationError as error:
        raise _refusal(str(error), certificate) from error
    except (ProvenanceError, MemoryError):
        raise
    except Exception as error:
        # Whatever a parser inside the library stumbles over (the errors it lets through are of a
        # dozen families): such bytes prove nothing, and one bad bundle must not hide a good one.
        raise InvalidEvidence(
            f"the bundle cannot be verified: {type(error).__name__}: {str(error)[:200]}",
            step="bundle",
            hint="it is damaged or forged",
        ) from error
    return checked, payload_type, payload


def _refusal(message: str, certificate: x509.Certificate | None) -> ProvenanceError:
    step = next((step for words, step in _STEPS if words in message), "bundle")
    if step == "signature" and certificate is not None and not is_usual_key(certificate):
        return UnsupportedFormat(
            "the signing key is not on P-256; which hash it signs with is not told here",
            hint="verify it with cosign",
        )
    if "no Timestamp Authorities" in message:
        return UnsupportedFormat(
            "the bundle has timestamps, and the trust root lists no timestamp authority",
            hint="name the trust root of the instance that signed",
        )
    return InvalidEvidence(
        message[:300], step=step, hint="the bundle is damaged, forged or not for this"
    )


class _AnyIdentity:
    """Lets every certificate pass: who signed is checked last, by us (step 8)."""

    def verify(self, cert: x509.Certificate) -> None:
        """Pass."""


@functools.lru_cache(maxsize=16)
def _verifier(trust: Trust) -> Verifier:
    """One for each trust: keys and certificates are parsed once, and only read from then on."""
    from sigstore.verify import Verifier

    if not trust.has_logs:
        raise UnsupportedFormat(
            "the trust root lists no transparency log; such bundles are not verified yet",
            hint="verify it with gh attestation verify",
        )
    return Verifier(trusted_root=trust.trusted_root())


def _statement(payload_type: str, payload: bytes) -> Statement:
    if payload_type != PAYLOAD_TYPE:
        raise InvalidEvidence(
            f"the payload is {payload_type[:100]!r}, expected {PAYLOAD_TYPE!r}",
            step="payload-type",
            hint="it is signed, but no statement",
        )
    try:
        return Statement.parse(payload)
    except ProvenanceError as error:
        raise InvalidEvidence(
            f"what is signed is no statement: {error}", step="statement"
        ) from error
