"""Signing in one layout or in both, and checking it: all of it before anything is stored.

What is stored is what `verify` accepts. A layout that no older verifier could accept is refused
while nothing is half done.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provenance.attestation.predicate_types import COSIGN_SIGN, family
from provenance.attestation.simple_signing import SimpleSigning
from provenance.errors import ProvenanceError, SigningError
from provenance.evidence.legacy_layers import image_layer, statement_layer
from provenance.evidence.legacy_layout import store_layer
from provenance.evidence.storing import store_bundle
from provenance.signing.algorithms import scheme_of
from provenance.signing.signing_config import LOG_VERSIONS, Choice, SigningConfig
from provenance.verification import verify_bundle, verify_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.attestation.statement import Statement
    from provenance.digests import Digest
    from provenance.evidence.storing import Shelf, Stored
    from provenance.image import Image
    from provenance.signing import Signer
    from provenance.verification import LayerSignature

__all__ = [
    "BUNDLE",
    "LEGACY",
    "Pen",
    "Piece",
    "kind_of",
    "public_name",
    "simple_signing_of",
    "store",
]

BUNDLE, LEGACY = "bundle", "legacy"


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to store: signed, and verified."""

    subject: Digest
    predicate_type: str
    bundle: bytes = field(repr=False)
    layer: LayerSignature | None = field(default=None, repr=False)
    """In the legacy layout."""

    @property
    def kind(self) -> str:
        """`signature`, or the family of the predicate type."""
        return kind_of(self.predicate_type)


@dataclass(frozen=True, slots=True)
class Pen:
    """A signer, and what its signatures must hold up to."""

    signer: Signer

    def log_versions(self) -> frozenset[int]:
        """Rekor's versions of the logs that it may sign with now; empty: it logs nothing."""
        return frozenset(service.version for service in self._logs().services)

    def _logs(self, versions: tuple[int, ...] = LOG_VERSIONS) -> Choice:
        config = self.signer.trust.signing_config
        if config is None or self.signer.unsafe_no_log:
            return Choice((), 0)
        return SigningConfig.parse(config).logs(dt.datetime.now(dt.UTC), versions)

    def for_older(self) -> Signer:
        """The signer, or the same logging with Rekor 1, whose promise older verifiers need.

        Raises:
            SigningError: it has no such log: before anything is signed, and logged for ever.
        """
        logs = self._logs()
        if not logs.needed or 1 in {one.version for one in logs.services[: logs.needed]}:
            return self.signer
        if not self._logs((1,)).services:
            raise _no_promise()
        return self.signer.logging_with(1)

    def sign(
        self, statement: Statement, payload: SimpleSigning, layouts: Sequence[str]
    ) -> list[Piece]:
        """A signature: a statement with nothing to say, and what older verifiers read instead."""
        older = self.for_older() if LEGACY in layouts else self.signer
        if LEGACY in layouts:
            _check_hash(self)
        made = []
        if BUNDLE in layouts:
            made.append(_bundle(self.signer, statement, payload.digest))
        if LEGACY in layouts:
            made.append(_simple(older, payload))
        return made

    def attest(self, statement: Statement, subject: Digest, layouts: Sequence[str]) -> list[Piece]:
        """A statement, signed once; the layouts hold the same envelope."""
        signer = self.for_older() if LEGACY in layouts else self.signer
        made = _bundle(signer, statement, subject)
        pieces = [made] if BUNDLE in layouts else []
        if LEGACY in layouts:
            layer = statement_layer(made.bundle, signer.trust)
            _check(signer, layer, subject)
            pieces.append(Piece(subject, statement.predicate_type, made.bundle, layer))
        return pieces


def _bundle(signer: Signer, statement: Statement, subject: Digest) -> Piece:
    bundle = signer.sign_statement(statement.raw)
    try:
        signed = verify_bundle(
            bundle,
            subject,
            trust=signer.trust,
            key=signer.public_key,
            unsafe_no_log=signer.unsafe_no_log,
        )
    except ProvenanceError as error:
        raise _unverified(error) from error
    if signed.statement.raw != statement.raw:
        raise SigningError("what was signed is another statement", hint="do not use it")
    return Piece(subject, statement.predicate_type, bundle)


def _simple(signer: Signer, payload: SimpleSigning) -> Piece:
    bundle = signer.sign_payload(payload.raw)
    layer = image_layer(bundle, payload.raw, signer.trust)
    _check(signer, layer, payload.digest)
    return Piece(payload.digest, COSIGN_SIGN, bundle, layer)


def _check(signer: Signer, layer: LayerSignature, subject: Digest) -> None:
    """Whether the layer says enough by itself: it carries less than a bundle."""
    if not layer.log_bundle and signer.trust.has_logs and not signer.unsafe_no_log:
        raise _no_promise()
    try:
        verify_layer(
            layer,
            subject,
            trust=signer.trust,
            key=signer.public_key,
            unsafe_no_log=signer.unsafe_no_log,
        )
    except ProvenanceError as error:
        raise _unverified(error) from error


def public_name(image: Image) -> str:
    """The repository's name, as statements tell it; of a local place none: paths are private."""
    return "" if image.reference.is_local else image.reference.name


def simple_signing_of(
    image: Image, subject: Digest, annotations: Mapping[str, str]
) -> SimpleSigning:
    """What `cosign sign` before version 3 signs."""
    name = public_name(image)
    if image.reference.registry == "docker.io":
        # As go-containerregistry spells it, which is how cosign names repositories.
        name = f"index.{name}"
    return SimpleSigning.build(subject, name, annotations)


def store(piece: Piece, shelf: Shelf) -> Stored:
    """Put one piece where its layout has it.

    Raises:
        ProvenanceError: the registry refused or did not answer.
    """
    if piece.layer is None:
        return store_bundle(shelf, piece.bundle, piece.predicate_type, piece.kind)
    predicate_type = "" if piece.predicate_type == COSIGN_SIGN else piece.predicate_type
    stored = store_layer(
        shelf, piece.subject, piece.layer, kind=piece.kind, predicate_type=predicate_type
    )
    return replace(stored, bundle=piece.bundle)


def kind_of(predicate_type: str) -> str:
    """`signature`, or the family of a predicate type."""
    return "signature" if predicate_type == COSIGN_SIGN else family(predicate_type)


def _check_hash(pen: Pen) -> None:
    """Refuse a key whose signatures are not logged as cosign reads them there."""
    key = pen.signer.public_key
    if key is None or not pen.log_versions():
        return
    if (used := scheme_of(key.algorithm).hash) != "sha256":
        how = f"with {used}" if used else "the bytes themselves"
        raise SigningError(
            f"a key of {key.algorithm} signs {how}, and of logged signatures in the legacy layout "
            "cosign verifies those with sha256 alone",
            hint='write layout="bundle", or sign with a key on P-256 or of RSA',
        )


def _no_promise() -> SigningError:
    return SigningError(
        "the log of this signer (Rekor v2) gives no promise, and the legacy layout has room for "
        "nothing else: no older verifier could tell that a signature is logged",
        hint='write layout="bundle", or sign with a configuration that names a log of Rekor v1',
    )


def _unverified(error: ProvenanceError) -> SigningError:
    return SigningError(
        f"what was signed does not verify: {error}",
        hint="nothing was stored; check the trust root against the services that sign",
    )
