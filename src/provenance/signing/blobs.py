"""`sign_blob` and `verify_blob`: files that are in no registry, as cosign's commands of that name.

Large files are hashed, not held: a signature is over the hash, but for Ed25519, whose keys must
see all of it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle import Bundle
from provenance.attestation.predicate_types import check_wanted
from provenance.digests import Digest
from provenance.errors import LimitExceeded, ProvenanceError, UnsupportedFormat
from provenance.settings import Limits
from provenance.signing.message import Bytes, File, unreadable
from provenance.strict_json import decode_object
from provenance.trust import Trust

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey
    from provenance.settings import Settings
    from provenance.signing.message import Message
    from provenance.signing.signer import Signer
    from provenance.verification import SignedBlob, SignedStatement
    from provenance.verification.identity import Expected

__all__ = ["sign_blob", "verify_blob"]

_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


def sign_blob(blob: str | Path | bytes, signer: Signer, *, limits: Limits | None = None) -> Bundle:
    """Sign a file, or bytes, as they are.

    The result's `raw` is what `cosign verify-blob --bundle`, and every other Sigstore client,
    reads; write it to `NAME.sigstore.json`.

    Args:
        blob: a path, or the bytes themselves.
        signer: who signs.
        limits: `document_bytes` is held in memory where a key must see all of it.

    Raises:
        NotFound: no such file, or it cannot be read.
        LimitExceeded: the key must see all of a file that is too large for that.
        SigningError, NotEvaluated: no signature was made; see `Signer.sign_statement`.
    """
    return Bundle.parse(signer.sign_message(_message(blob, limits or Limits())))


def verify_blob(
    blob: str | Path | bytes | Digest,
    bundle: str | Path | bytes | Bundle,
    identity: Expected | None = None,
    *,
    key: str | Path | bytes | PublicKey | None = None,
    require: str = "any",
    trust: Trust | None = None,
    unsafe_no_log: bool = False,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> SignedBlob | SignedStatement:
    """Prove who signed a file. A bundle with a statement about the file's digest counts, too.

    Args:
        blob: a path, the bytes themselves, or their digest: then nobody needs the file.
        bundle: a path, the bundle's JSON, or the bundle; what `cosign sign-blob --bundle` wrote
            before version 3 counts, too.
        identity: who must have signed.
        key: or with which key: a path or reference, PEM or DER, or the key.
        require: what must be there: `signature` (of the file), a predicate family
            (`slsa-provenance`, `vsa`, ...) or type of a statement about it, or `any`.
        trust: whom to believe; None: Sigstore's public instance.
        unsafe_no_log: accept a signature that no transparency log has.
        settings: how to refresh the trust root, and fetch the key.
        limits: caps on what is read: `bundle_bytes`; `file_bytes` of the blob, beyond which it is
            hashed and not held; `document_bytes`, where it must be held all the same.

    Returns:
        What was proven of the signer, the times and the log entries, and nothing else.

    Raises:
        VerificationError: proven no; `InvalidEvidence.step` names what refused.
        NotFound: no such file.
        MalformedDocument, UnsupportedFormat, LimitExceeded: no bundle, or not one that can be
            judged: nothing is known.
        NotEvaluated: the trust root could not be had.
        ProvenanceError: the key could not; see `open_public_key`.
        TypeError: not exactly one of `identity` and `key`.
        ValueError: `require` is no family or type.
    """
    from provenance.signing.keys import open_public_key
    from provenance.verification import verify_blob_bundle

    if (identity is None) == (key is None):
        raise TypeError(
            "give exactly one of identity= and key=: a key and a name prove other things"
        )
    check_wanted(require)
    limits = limits or Limits()
    found = _bundle(bundle, limits)
    judge = functools.partial(
        verify_blob_bundle,
        found,
        trust=trust or Trust.public_good(settings=settings),
        identity=identity,
        key=None if key is None else open_public_key(key, settings=settings),
        predicate_type=require,
        unsafe_no_log=unsafe_no_log,
        limits=limits,
    )
    if isinstance(blob, (bytes, Digest)):
        return judge(blob)
    try:
        return judge(_artifact(Path(blob), found, limits))
    except UnsupportedFormat:
        if Path(blob).stat().st_size <= limits.file_bytes:
            raise
    # Of some signatures a digest tells nothing: Ed25519's, and those that name no hash.
    return judge(File(Path(blob), limits.document_bytes).read())


def _message(blob: str | Path | bytes, limits: Limits) -> Message:
    return Bytes(blob) if isinstance(blob, bytes) else File(Path(blob), limits.document_bytes)


def _bundle(bundle: str | Path | bytes | Bundle, limits: Limits) -> Bundle | bytes:
    if isinstance(bundle, Bundle):
        return bundle
    if isinstance(bundle, bytes):
        return _parsed(bundle, limits)
    try:
        with Path(bundle).open("rb") as file:
            raw = file.read(limits.bundle_bytes + 1)
    except (OSError, ValueError) as error:
        raise unreadable(bundle, error) from error
    with ProvenanceError.located_at(bundle):
        return _parsed(raw, limits)


def _parsed(raw: bytes, limits: Limits) -> Bundle | bytes:
    """The bundle; the bytes of what cosign wrote in its place before version 3."""
    from provenance.verification.older_blobs import is_older_bundle

    try:
        return Bundle.parse(raw, limits=limits)
    except UnsupportedFormat:
        if not is_older_bundle(raw):
            raise
        return raw


def _artifact(path: Path, bundle: Bundle | bytes, limits: Limits) -> bytes | Digest:
    """The bytes where they are few; else their digest, by the hash that the bundle speaks of."""
    file = File(path, limits.file_bytes)
    try:
        return file.read()
    except LimitExceeded:
        algorithm = _hash_of(bundle)
        return Digest(f"{algorithm}:{file.digest(algorithm).hex()}")


def _hash_of(bundle: Bundle | bytes) -> str:
    """Which hash the signature is over: a claim, which verification holds against the key.

    A statement names digests of its own choice: SHA-256 is what all of them have.
    """
    if isinstance(bundle, bytes):  # cosign's, which signed with SHA-256 by every key
        return "sha256"
    signature: Any = decode_object(bundle.raw).get("messageSignature")
    digest = signature.get("messageDigest") if isinstance(signature, dict) else None
    named = digest.get("algorithm") if isinstance(digest, dict) else None
    return _HASHES.get(named, "sha256") if isinstance(named, str) else "sha256"
