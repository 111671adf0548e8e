"""`examine`: ask every placement, verify what lies there, and lose nothing on the way.

One bad piece never hides a good one; a placement that did not answer is never an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.attestation.bundle import is_bundle_media_type
from provenance.attestation.predicate_types import COSIGN_SIGN, family
from provenance.errors import (
    ContentMismatch,
    InvalidEvidence,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    VerificationError,
)
from provenance.evidence.examination import Evidence, Examination
from provenance.evidence.placements import (
    LEGACY_SUFFIXES,
    Lookup,
    Placement,
    is_vague,
    listed_kind,
)
from provenance.findings import Outcome
from provenance.image import resolve
from provenance.oci.manifest import Manifest
from provenance.oci.repository import Mirrored, digest_tag, read_blob
from provenance.settings import Limits
from provenance.trust import Trust
from provenance.verification import verify_bundle

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.image import Image, ImageLike
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Settings
    from provenance.verification import Identity, SignedStatement

__all__ = ["examine", "examine_image"]

_NOT_YET = "signatures of this older form are found but not verified yet: use cosign verify"


def examine(
    image: ImageLike,
    identity: Identity | None = None,
    *,
    trust: Trust | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Examination:
    """Everything beside an image, in every placement, with the reason it counts or does not.

    Never raises for a bad signature, nor for a placement that did not answer: see `complete`.

    Args:
        image: what to look beside.
        identity: whose signatures count; None: anyone's, which proves only that they are theirs.
        trust: whom to believe; None: Sigstore's public instance.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        ProvenanceError: the image itself could not be resolved, or the trust root not be had.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    trust = trust or Trust.public_good(settings=settings)
    return examine_image(found, identity, trust=trust, limits=limits)


def examine_image(
    image: Image,
    identity: Identity | None,
    *,
    trust: Trust,
    limits: Limits | None = None,
    stop_when_proven: bool = False,
) -> Examination:
    """`examine`, of an image that is resolved.

    `stop_when_proven` skips the older digest tags, and the index the image came through, once
    something counts: what `verify` needs, in the fewest requests.
    """
    limits = limits or Limits()
    evidence: list[Evidence] = []
    lookups: list[Lookup] = []
    subjects = [(image.digest, False)]
    if image.index is not None:
        subjects.append((image.index.digest, True))
    with image.repository() as repository:
        for subject, through_index in subjects:
            if subject is None or (stop_when_proven and any(e.outcome for e in evidence)):
                continue
            look = _Look(repository, subject, identity, trust, limits, through_index=through_index)
            look.at_referrers(evidence, lookups)
            if stop_when_proven and any(e.outcome for e in evidence):
                continue
            look.at_digest_tags(evidence, lookups)
    return Examination(image.reference, tuple(evidence), tuple(lookups))


class _Look:
    """One subject in one repository, looked at placement by placement."""

    def __init__(
        self,
        repository: Repository,
        subject: Digest,
        identity: Identity | None,
        trust: Trust,
        limits: Limits,
        *,
        through_index: bool,
    ) -> None:
        self.repository, self.subject, self.identity = repository, subject, identity
        self.trust, self.limits, self.through_index = trust, limits, through_index

    def at_referrers(self, evidence: list[Evidence], lookups: list[Lookup]) -> None:
        """Referrers, by API or fallback tag."""
        try:
            listed = self.repository.referrers(self.subject)
        except ProvenanceError as error:
            lookups.append(Lookup("referrers", error))
            if not isinstance(self.repository, Mirrored):
                return
            # What a mirror holds can be proven without the registry; that it is all, cannot.
            listed = self.repository.referrers_of_mirrors(self.subject)
        else:
            lookups.append(Lookup("referrers"))
        placement = Placement(listed.scheme, through_index=self.through_index)
        for descriptor in dict.fromkeys(listed.descriptors):
            found, failure = self._judge_referrer(descriptor, placement)
            evidence.append(found)
            if failure is not None:
                lookups.append(Lookup(f"referrer {descriptor.digest}", failure))

    def _judge_referrer(
        self, descriptor: Descriptor, placement: Placement
    ) -> tuple[Evidence, ProvenanceError | None]:
        """Read one referrer and judge it; and what kept it from being seen, if anything did."""
        listed = listed_kind(descriptor)
        if not is_bundle_media_type(descriptor.artifact_type) and not is_vague(descriptor):
            reason = "an artifact without a signature of its own"
            return Evidence(descriptor, listed, placement, Outcome.REFUTED, reason, "kind"), None
        outcome = Outcome.REFUTED
        failure: ProvenanceError | None = None
        try:
            return self._judge_bundle(descriptor, placement), None
        except (MalformedDocument, VerificationError) as error:
            step = error.step if isinstance(error, InvalidEvidence) else error.code
            reason = str(error)
        except NotFound as error:
            step, reason = "content", f"it is listed but not there: {error}"
        except ContentMismatch as error:
            # Other bytes in its place prove no signature bad: what was listed was not seen.
            step, reason, failure = error.code, str(error), error
        except ProvenanceError as error:
            seen = error.code not in _TRANSIENT
            step, reason, outcome = error.code if seen else "lookup", str(error), Outcome.UNKNOWN
            failure = None if seen else error
        return Evidence(descriptor, listed, placement, outcome, reason, step), failure

    def _judge_bundle(self, descriptor: Descriptor, placement: Placement) -> Evidence:
        manifest = self.repository.manifest(descriptor)
        kind = listed_kind(descriptor, manifest)
        if manifest.subject is None or manifest.subject.digest != self.subject:
            raise InvalidEvidence(
                "it is listed for this image but refers to "
                f"{manifest.subject.digest if manifest.subject else 'nothing'}",
                step="subject",
                digest=descriptor.digest,
            )
        layers = manifest.layers if isinstance(manifest, Manifest) else ()
        if not any(is_bundle_media_type(layer.media_type) for layer in layers):
            reason = "an artifact without a signature of its own"
            return Evidence(descriptor, kind, placement, Outcome.REFUTED, reason, "kind")
        if len(layers) != 1:
            raise MalformedDocument(
                f"a bundle's manifest has one layer, this has {len(layers)}",
                digest=descriptor.digest,
            )
        raw = read_blob(self.repository, layers[0], limit=self.limits.bundle_bytes)
        signed = verify_bundle(
            raw, self.subject, trust=self.trust, identity=None, limits=self.limits
        )
        return self._by_whom(descriptor, placement, signed)

    def _by_whom(
        self, descriptor: Descriptor, placement: Placement, signed: SignedStatement
    ) -> Evidence:
        """The last step: everything holds; is it whom one asked for?"""
        predicate_type = signed.statement.predicate_type
        kind = "signature" if predicate_type == COSIGN_SIGN else family(predicate_type)
        why = self.identity.mismatch(signed.signer) if self.identity else ""
        if why:
            return Evidence(descriptor, kind, placement, Outcome.REFUTED, why, "identity", signed)
        when = f" at {signed.time:%Y-%m-%d %H:%M:%S} UTC" if signed.time else ""
        reason = f"signed by {signed.signer}{when}, log index {signed.log_index}"
        return Evidence(descriptor, kind, placement, Outcome.PROVEN, reason, "", signed)

    def at_digest_tags(self, evidence: list[Evidence], lookups: list[Lookup]) -> None:
        """Cosign's older tags: whether something is there. What it proves is not read yet."""
        for suffix, kind in LEGACY_SUFFIXES.items():
            tag = digest_tag(self.subject, suffix)
            try:
                descriptor = self.repository.resolve(tag)
            except NotFound:
                lookups.append(Lookup(f"tag {tag}"))
                continue
            except ProvenanceError as error:
                lookups.append(Lookup(f"tag {tag}", error))
                continue
            lookups.append(Lookup(f"tag {tag}"))
            placement = Placement("tag", tag, self.through_index)
            if suffix == "sbom":
                reason, outcome = "an SBOM without a signature", Outcome.REFUTED
            else:
                reason, outcome = _NOT_YET, Outcome.UNKNOWN
            evidence.append(Evidence(descriptor, kind, placement, outcome, reason, "format"))


_TRANSIENT = frozenset({"rate-limited", "registry-unavailable", "unauthorized", "forbidden"})
