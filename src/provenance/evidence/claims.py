"""`sign` and `attest`: make a statement about an image, sign it, check it, store it beside it.

A signature is a statement with nothing to say: predicate type `cosign/sign/v1`, as cosign v3
writes it, so that one mechanism stores and verifies both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from provenance.attestation.predicate_types import COSIGN_SIGN, family, resolve_predicate_type
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import MalformedDocument, ProvenanceError, SigningError
from provenance.evidence.gathering import examine_image
from provenance.evidence.storing import Stored, require_digest, store_bundle
from provenance.image import resolve
from provenance.verification import Identity, verify_bundle
from provenance.verification.signed import SignedStatement

if TYPE_CHECKING:
    from provenance.evidence.examination import Evidence
    from provenance.image import Image, ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Limits, Settings
    from provenance.signing import Signer

__all__ = ["attest", "sign"]


@runtime_checkable
class Predicate(Protocol):
    """What knows its own predicate type: an `Sbom`, a provenance, ..."""

    @property
    def predicate_type(self) -> str:
        """The type's URI."""
        ...

    @property
    def predicate(self) -> bytes | Mapping[str, Any]:
        """The predicate, as JSON bytes or an object."""
        ...


def sign(
    image: ImageLike,
    signer: Signer,
    *,
    annotations: Mapping[str, str] | None = None,
    platform: str | None = None,
    reuse: bool = False,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Stored:
    """Sign an image and store the signature beside it, where cosign finds it too.

    Args:
        image: what to sign; a tag is pinned to its digest first.
        signer: who signs.
        annotations: said along with the signature, about the subject.
        platform: sign this platform's image of an index; None: what the reference names.
        reuse: keep a signature of this signer that is there already and verifies.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        SigningError: no signature was made; nothing was stored.
        ProvenanceError: the registry refused or did not answer.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    return _claim(found, signer, COSIGN_SIGN, {}, annotations or {}, reuse=reuse)


def attest(
    image: ImageLike,
    predicate: Predicate | Mapping[str, Any],
    signer: Signer,
    *,
    predicate_type: str | None = None,
    platform: str | None = None,
    reuse: bool = False,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Stored:
    """Say something signed about an image, and store it beside it.

    Args:
        image: what it is about.
        predicate: an object that knows its type (`Sbom`, ...), or a JSON object.
        signer: who says it.
        predicate_type: a URI or a family name; needed for a plain JSON object.
        platform: sign this platform's image of an index.
        reuse: keep an equal statement of this signer that is there already and verifies.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        SigningError: the SBOM is of another image, or no signature was made.
        MalformedDocument: no predicate type is known.
        ProvenanceError: the registry refused or did not answer.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    body: bytes | Mapping[str, Any]
    if isinstance(predicate, Mapping):
        body = predicate
    else:
        body = predicate.predicate
        predicate_type = predicate_type or predicate.predicate_type
        _refuse_other_subject(found, predicate)
    if not predicate_type:
        raise MalformedDocument(
            "a plain JSON object has no predicate type of its own",
            hint="give predicate_type=, a URI or a name such as slsa-provenance",
        )
    try:
        resolved = resolve_predicate_type(predicate_type)
    except ValueError as error:
        raise MalformedDocument(str(error)) from error
    return _claim(found, signer, resolved, body, {}, reuse=reuse)


def _claim(
    image: Image,
    signer: Signer,
    predicate_type: str,
    predicate: bytes | Mapping[str, Any],
    annotations: Mapping[str, str],
    *,
    reuse: bool,
) -> Stored:
    subject = require_digest(image).digest
    named = ResourceDescriptor(
        image.reference.name, {subject.algorithm: subject.hex}, dict(annotations)
    )
    statement = Statement.build([named], predicate_type, predicate)
    kind = "signature" if predicate_type == COSIGN_SIGN else family(predicate_type)
    if reuse and (present := _present(image, signer, statement)):
        return Stored(
            image.reference.with_digest(present.descriptor.digest),
            present.descriptor,
            kind,
            present.placement,
            reused=True,
        )
    bundle = signer.sign_statement(statement.raw)
    try:
        verify_bundle(bundle, subject, trust=signer.trust, identity=None)
    except ProvenanceError as error:
        raise SigningError(
            f"what was signed does not verify: {error}",
            reference=str(image.reference),
            hint="nothing was stored; check the trust root against the services that sign",
        ) from error
    return store_bundle(image, bundle, predicate_type, kind)


def _present(image: Image, signer: Signer, statement: Statement) -> Evidence | None:
    """An equal statement by this signer that verifies. A failed lookup raises."""
    who = Identity(signer.identity, issuer=signer.issuer)
    examination = examine_image(image, who, trust=signer.trust)
    for lookup in examination.lookups:
        if lookup.error is not None:
            raise lookup.error
    for item in examination.evidence:
        if not item.outcome or item.signed is None or item.placement.through_index:
            continue
        if not isinstance(item.signed, SignedStatement):
            continue
        found = item.signed.statement
        if (found.predicate_type, found.predicate, found.subjects) == (
            statement.predicate_type,
            statement.predicate,
            statement.subjects,
        ):
            return item
    return None


def _refuse_other_subject(image: Image, predicate: Predicate) -> None:
    """An SBOM that names its image must name this one."""
    subject = getattr(predicate, "subject", None)
    digest = getattr(subject, "digest", None)
    if not isinstance(digest, Digest) or digest == image.digest:
        return
    raise SigningError(
        f"the document describes {digest}, not this image",
        reference=str(image.reference),
        hint="generate it from this image, or attest it to the one it describes",
    )
