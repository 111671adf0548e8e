"""`verify_bundle`: from a bundle and a subject to a proven statement, or the step that refused.

The cryptography is the sigstore library's. Ours is what it leaves to its callers: that the
payload is a statement, about this subject, by whom one expected; and what may be reported.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle import Bundle
from provenance.attestation.statement import PAYLOAD_TYPE, Statement
from provenance.errors import (
    InvalidEvidence,
    MalformedDocument,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.verification.certificate import read_certificate
from provenance.verification.signed import SignedStatement

if TYPE_CHECKING:
    from cryptography import x509
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.verify import Verifier

    from provenance.digests import Digest
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Identity

__all__ = ["verify_bundle"]

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
    identity: Identity | None,
    limits: Limits | None = None,
) -> SignedStatement:
    """Prove that `identity` signed a statement about `subject`.

    Args:
        bundle: a Sigstore bundle with a DSSE envelope.
        subject: digest the statement must be about; None: the caller checks that itself.
        trust: whom to believe. No network is used.
        identity: who must have signed; None: anyone, and the caller checks who it was.
        limits: `bundle_bytes` applies.

    Returns:
        The statement, signer, time and log index: only what was proven.

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
    #  7 the payload is an in-toto statement, and names the subject
    #  8 the signer is the one expected; last, so that a miss can tell who it was
    if not isinstance(bundle, Bundle):
        bundle = Bundle.parse(bundle, limits=limits)
    _check_shape(bundle)  # 0
    checked, payload_type, payload = _verify_with_sigstore(bundle, trust)  # 1 to 6
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
    if identity is not None and (why := identity.mismatch(signer)):  # 8
        raise InvalidEvidence(why, step="identity", hint="check the identity you expect")
    time, log_index = _proven_time_and_index(checked)
    return SignedStatement(statement, signer, time, log_index)


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
    if len(bundle.log_entries) != 1:
        raise UnsupportedFormat(
            f"the bundle has {len(bundle.log_entries)} log entries; exactly one is verified here",
            hint="verify it with cosign",
        )
    kind = bundle.log_entries[0].get("kindVersion")
    kind = kind.get("kind") if isinstance(kind, dict) else kind
    if kind not in {"dsse", "hashedrekord"}:
        raise UnsupportedFormat(
            f"the log entry is of kind {str(kind)[:50]!r}, which is not verified yet",
            hint="verify it with cosign",
        )


def _verify_with_sigstore(bundle: Bundle, trust: Trust) -> tuple[SigstoreBundle, str, bytes]:
    """Steps 1 to 6. What comes back is what the sigstore library verified."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from sigstore.errors import Error, MetadataError, VerificationError
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.models import InvalidBundle

    try:
        checked = SigstoreBundle.from_json(bundle.raw)
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
        raise _refusal(str(error)) from error
    except (Error, InvalidSignature, ValueError, TypeError, LookupError, AttributeError) as error:
        # Bytes that make a parser stumble inside the library prove nothing, and never will.
        raise InvalidEvidence(
            f"the bundle cannot be verified: {type(error).__name__}: {str(error)[:200]}",
            step="bundle",
            hint="it is damaged or forged",
        ) from error
    return checked, payload_type, payload


def _refusal(message: str) -> InvalidEvidence:
    step = next((step for words, step in _STEPS if words in message), "bundle")
    return InvalidEvidence(
        f"{step}: {message[:300]}", step=step, hint="the bundle is damaged, forged or not for this"
    )


class _AnyIdentity:
    """Lets every certificate pass: who signed is checked last, by us (step 8)."""

    def verify(self, cert: x509.Certificate) -> None:
        """Pass."""


@functools.lru_cache(maxsize=16)
def _verifier_of(raw: bytes) -> Verifier:
    from sigstore.verify import Verifier

    from provenance.trust import Trust

    return Verifier(trusted_root=Trust(raw).trusted_root())


def _verifier(trust: Trust) -> Verifier:
    if not trust.has_logs:
        raise UnsupportedFormat(
            "the trust root lists no transparency log; such bundles are not verified yet",
            hint="verify it with gh attestation verify",
        )
    return _verifier_of(trust.raw)


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


def _proven_time_and_index(checked: SigstoreBundle) -> tuple[dt.datetime | None, int | None]:
    """Time and log index that step 1 and 4 proved.

    From the library's own reading of the bundle, so that a field spelled twice cannot show one
    value and prove another. With several timestamps it is not told which were accepted: None.
    """
    document: dict[str, Any] = json.loads(checked.to_json())
    material = document["verificationMaterial"]
    entry = material["tlogEntries"][0]
    stamps = (material.get("timestampVerificationData") or {}).get("rfc3161Timestamps") or []
    promised = bool(entry.get("inclusionPromise") and int(entry.get("integratedTime") or 0))
    if promised:
        moment = dt.datetime.fromtimestamp(int(entry["integratedTime"]), tz=dt.UTC)
        return moment, int(entry["logIndex"])
    index = int((entry.get("inclusionProof") or {}).get("logIndex") or 0)
    if len(stamps) != 1:
        return None, index
    from base64 import b64decode

    from rfc3161_client import decode_timestamp_response

    response = decode_timestamp_response(b64decode(stamps[0]["signedTimestamp"]))
    return response.tst_info.gen_time.astimezone(dt.UTC), index
