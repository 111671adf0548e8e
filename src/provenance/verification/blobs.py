"""`verify_blob_bundle`: a bundle over the bytes of a file, or a statement about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import MessageSignature, read_parts
from provenance.attestation.predicate_types import COSIGN_SIGN, matches
from provenance.digests import Digest
from provenance.errors import InvalidEvidence, UnsupportedFormat
from provenance.verification.content import HASHES, SignedBytes
from provenance.verification.older_blobs import is_older_bundle, read_older_bundle
from provenance.verification.signed import SignedBlob, SignedStatement
from provenance.verification.verifier import (
    check_identity,
    check_predicate_type,
    check_subject,
    demanded,
    establish,
    statement_in,
)

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import BundleParts
    from provenance.attestation.public_key import PublicKey
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Expected
    from provenance.verification.thresholds import Thresholds

__all__ = ["verify_blob_bundle"]


def verify_blob_bundle(
    bundle: Bundle | bytes,
    artifact: bytes | Digest,
    *,
    trust: Trust,
    identity: Expected | None = None,
    key: PublicKey | None = None,
    predicate_type: str | None = None,
    unsafe_no_log: bool = False,
    require: Thresholds | None = None,
    limits: Limits | None = None,
) -> SignedBlob | SignedStatement:
    """Prove that `identity`, or the holder of `key`, signed `artifact`, or a statement about it.

    Args:
        bundle: a Sigstore bundle, or what `cosign sign-blob --bundle` wrote before version 3.
        artifact: the bytes of the file, or their digest alone, which is enough wherever the
            signature is over a hash of that algorithm.
        trust: whom to believe. No network is used.
        identity: who must have signed; with neither this nor `key`: anyone with a certificate,
            and the caller checks who it was.
        key: the key that must have signed instead; a certificate never stands in for it.
        predicate_type: what must be said of the file: a type, or a family, of which `signature` is
            the file's own signature, too; None: the caller checks what it is (CVE-2026-39395).
        unsafe_no_log: as of `verify_bundle`.
        require: more witnesses than usual.
        limits: `bundle_bytes` applies.

    Returns:
        A `SignedBlob` where the bytes are signed, a `SignedStatement` where a statement is.

    Raises:
        ValueError: both an identity and a key.
        MalformedDocument: no bundle.
        InvalidEvidence: `step` refused.
        UnsupportedFormat: it could not be told, as from the digest alone where another hash is
            signed.
    """
    parts = _parts(bundle, limits)
    signed = SignedBytes.of(parts.content, artifact)
    if isinstance(parts.content, MessageSignature):
        _check_stated(parts.content, signed)
    proven = establish(parts, signed, demanded(trust, identity, key, unsafe_no_log, require))
    if isinstance(parts.content, MessageSignature):
        _check_signature_wanted(predicate_type)
        check_identity(identity, proven.signer)
        digest = artifact if isinstance(artifact, Digest) else Digest.of(artifact)
        return proven.of(SignedBlob, digest=digest)
    statement = statement_in(parts.content)
    digests = (artifact,) if isinstance(artifact, Digest) else _digests(artifact)
    check_subject(statement, *digests)
    check_predicate_type(statement, predicate_type)
    check_identity(identity, proven.signer)
    return proven.of(SignedStatement, statement=statement)


def _parts(bundle: Bundle | bytes, limits: Limits | None) -> BundleParts:
    if isinstance(bundle, Bundle):
        return read_parts(bundle)
    try:
        return read_parts(Bundle.parse(bundle, limits=limits))
    except UnsupportedFormat:
        if not is_older_bundle(bundle):
            raise
        return read_older_bundle(bundle)


def _digests(artifact: bytes) -> tuple[Digest, ...]:
    return tuple(Digest.of(artifact, algorithm) for algorithm in HASHES)


def _check_signature_wanted(wanted: str | None) -> None:
    if wanted is not None and not matches(COSIGN_SIGN, wanted):
        raise InvalidEvidence(
            f"the bundle signs the file, and states nothing of it, where {wanted} is asked for",
            step="predicate-type",
            hint="it is a signature",
        )


def _check_stated(content: MessageSignature, signed: SignedBytes) -> None:
    """The digest in the bundle is a hint, not signed: but a false one belongs to another file."""
    found = signed.hashed(content.algorithm)
    if content.digest and found is not None and found != content.digest:
        raise InvalidEvidence(
            f"the bundle is for a file with the {content.algorithm} digest "
            f"{content.digest.hex()[:128]}, this one has {found.hex()}",
            step="message-digest",
            hint="give the file that was signed",
        )
