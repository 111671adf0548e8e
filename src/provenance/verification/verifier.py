"""`verify_bundle`: from a bundle and a subject to a proven statement, or the step that refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import Envelope, read_parts
from provenance.attestation.predicate_types import matches
from provenance.attestation.statement import PAYLOAD_TYPE, Statement
from provenance.errors import (
    InvalidEvidence,
    LimitExceeded,
    NotEvaluated,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.verification.content import SignedBytes
from provenance.verification.identity import check_judge, judgement
from provenance.verification.proving import Demand, prove
from provenance.verification.second_opinion import confirm
from provenance.verification.signed import SignedStatement
from provenance.verification.thresholds import Thresholds

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import BundleParts
    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Expected
    from provenance.verification.proving import Proven
    from provenance.verification.signed import Signatory

__all__ = ["verify_bundle"]


def verify_bundle(
    bundle: Bundle | bytes,
    subject: Digest | None,
    *,
    trust: Trust,
    identity: Expected | None = None,
    key: PublicKey | None = None,
    predicate_type: str | None = None,
    unsafe_no_log: bool = False,
    require: Thresholds | None = None,
    limits: Limits | None = None,
) -> SignedStatement:
    """Prove that `identity`, or the holder of `key`, signed a statement about `subject`.

    Args:
        bundle: a Sigstore bundle with a DSSE envelope.
        subject: digest the statement must be about; None: the caller checks that itself.
        trust: whom to believe. No network is used.
        identity: who must have signed; with neither this nor `key`: anyone with a certificate,
            and the caller checks who it was.
        key: the key that must have signed instead; a certificate never stands in for it.
        predicate_type: what the statement must be: a type, or a family such as `signature`;
            None: the caller checks what it is (CVE-2026-39395).
        unsafe_no_log: accept a signature that no transparency log has, under a trust root that
            lists some: whoever has stolen the key, or a token, then leaves no trace.
        require: more witnesses than usual.
        limits: `bundle_bytes` applies.

    Returns:
        The statement, signer, times and log entries; only what was proven.

    Raises:
        ValueError: both an identity and a key.
        MalformedDocument: no bundle.
        InvalidEvidence: `step` refused; for `identity` the message tells who did sign.
        UnsupportedFormat: it could not be told: a shape, an algorithm, or a part that the trust
            root lacks.
        NotEvaluated: a library that is needed cannot be imported, or stumbled.
    """
    if not isinstance(bundle, Bundle):
        bundle = Bundle.parse(bundle, limits=limits)
    parts = read_parts(bundle)
    if not isinstance(parts.content, Envelope):
        raise UnsupportedFormat(
            "the bundle signs bytes, not a statement", hint="images are signed by statements"
        )
    demand = demanded(trust, identity, key, unsafe_no_log, require)
    proven = establish(parts, SignedBytes.of(parts.content, None), demand)
    statement = statement_in(parts.content)
    check_subject(statement, subject)
    check_predicate_type(statement, predicate_type)
    check_identity(identity, proven.signer)
    return proven.of(SignedStatement, statement=statement)


def demanded(
    trust: Trust,
    identity: Expected | None,
    key: PublicKey | None,
    unsafe_no_log: bool,  # noqa: FBT001 - passed on from a keyword
    require: Thresholds | None,
) -> Demand:
    """What a signature is held to.

    Raises:
        ValueError: both an identity and a key.
        TypeError: the identity is none.
    """
    if identity is not None:
        check_judge(identity)
    if identity is not None and key is not None:
        raise ValueError("either an identity or a key signs: name one of them")
    return Demand(trust, key, unsafe_no_log, require or Thresholds())


def establish(parts: BundleParts, signed: SignedBytes, demand: Demand) -> Proven:
    """What is proven of a signature over `signed`, with the library's word where it reads it.

    Raises:
        InvalidEvidence, UnsupportedFormat, MalformedDocument: as `prove` does.
        NotEvaluated: a library that is needed cannot be imported, or stumbled.
    """
    try:
        proven = prove(parts, signed, demand)
        confirm(parts, signed, demand, proven)
    except (ProvenanceError, MemoryError):
        raise
    except Exception as error:
        raise not_judged(error) from error
    return proven


def not_judged(error: Exception) -> NotEvaluated:
    """What an error that nobody foresaw says of a signature: nothing, neither for nor against.

    It is a mistake, of ours or of a library, or something that is wrong with this machine. A
    refusal names the step that refused; to stumble is none, and hides no other signature.
    """
    if isinstance(error, ImportError):
        return NotEvaluated(
            f"a library that verifying needs cannot be imported: {str(error)[:200]}",
            hint="install oci-provenance anew, with its dependencies",
        )
    return NotEvaluated(
        f"it could not be judged: {type(error).__name__}: {str(error)[:200]}",
        hint="please report it, with the bundle: this is a mistake of ours or of a library",
    )


def statement_in(envelope: Envelope) -> Statement:
    """The statement in a proven envelope.

    Raises:
        InvalidEvidence: step `payload-type` or `statement`: it is signed, but is none.
        LimitExceeded: it has too many values to be looked at.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise InvalidEvidence(
            f"the payload is {envelope.payload_type[:100]!r}, expected {PAYLOAD_TYPE!r}",
            step="payload-type",
            hint="it is signed, but no statement",
        )
    try:
        return Statement.parse(envelope.payload)
    except LimitExceeded:
        raise
    except ProvenanceError as error:
        raise InvalidEvidence(
            f"what is signed is no statement: {error}", step="statement"
        ) from error


def check_subject(statement: Statement, *digests: Digest | None) -> None:
    """Raise unless the statement is about the content with one of `digests`; None asks nothing.

    Raises:
        InvalidEvidence: step `subject`.
    """
    wanted = [d for d in digests if d is not None]
    if not wanted or any(statement.is_about(digest) for digest in wanted):
        return
    named = ", ".join(sorted({f"{a}:{v}" for s in statement.subjects for a, v in s.digest.items()}))
    raise InvalidEvidence(
        f"the statement is about {named[:300] or 'nothing'}, not about {wanted[0]}",
        step="subject",
        digest=wanted[0],
        hint="it belongs to another image or file",
    )


def check_predicate_type(statement: Statement, wanted: str | None) -> None:
    """Raise unless the statement is of the type or family wanted; None asks nothing.

    Raises:
        InvalidEvidence: step `predicate-type`.
    """
    if wanted is not None and not matches(statement.predicate_type, wanted):
        raise InvalidEvidence(
            f"the statement is of type {statement.predicate_type[:200]}, not {wanted}",
            step="predicate-type",
            hint="it says something else",
        )


def check_identity(identity: Expected | None, signer: Signatory) -> None:
    """Raise unless `signer` is the one expected; last, so that a miss can tell who it was.

    Raises:
        InvalidEvidence: step `identity`.
    """
    if identity is not None and (why := judgement(identity, signer)):
        raise InvalidEvidence(why, step="identity", hint="check the identity you expect")
