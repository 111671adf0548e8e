"""`Judge`: a candidate in, evidence out: what it proves, and whether that is what one asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import MessageSignature, read_parts
from provenance.attestation.predicate_types import COSIGN_SIGN, family
from provenance.attestation.statement import Statement
from provenance.errors import InvalidEvidence, ProvenanceError, UnsupportedFormat
from provenance.evidence.candidates import DSSE, MOST_VALUES, Unopened, refused
from provenance.evidence.piece import Evidence
from provenance.evidence.verified import annotations_about
from provenance.findings import Outcome
from provenance.settings import Limits
from provenance.strict_json import decode_object
from provenance.trust import Trust
from provenance.verification.identity import check_judge, judgement
from provenance.verification.layer_signatures import LayerSignature, verify_layer
from provenance.verification.signed import SignedImage, SignedStatement
from provenance.verification.verifier import not_judged, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.evidence.candidates import Candidate
    from provenance.evidence.placements import Lookup
    from provenance.verification.identity import Expected
    from provenance.verification.thresholds import Thresholds

__all__ = ["Judge", "kind_of"]

# Where a signature ends that another key made.
_OF_ANOTHER_KEY = frozenset({"key", "signature"})
_ENVELOPE = frozenset({"payload", "payloadType", "signatures"})

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Judge:
    """Whom one believes, and what must hold. Pure: no network."""

    trust: Trust
    identity: Expected | None = None
    """Who must have signed; None and no keys: anyone with a certificate, who is then named."""
    keys: tuple[PublicKey, ...] = ()
    """Keys one of which must have signed. A certificate never stands in for a key; beside an
    `identity` it may have signed instead, and that judges both."""
    annotations: Mapping[str, Any] = field(default_factory=dict)
    """What must have been said of the image along with it, with exactly these values."""
    unsafe_no_log: bool = False
    witnesses: Thresholds | None = None
    """How many logs and timestamp authorities each signature must have."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not isinstance(self.trust, Trust):
            kind = type(self.trust).__name__
            raise TypeError(f"trust must be a Trust, not {kind}: Trust.from_file(...)")
        if self.identity is not None:
            check_judge(self.identity)

    @property
    def asks_nobody(self) -> bool:
        """Whether anyone's certificate will do."""
        return self.identity is None and not self.keys

    @property
    def wanted(self) -> str:
        """Whom one asked for, for people; empty: nobody in particular."""
        if self.identity is not None:
            return str(self.identity)
        keys = [f"key {key.key_id}" for key in self.keys]
        return f"any of {len(keys)} keys" if len(keys) > 1 else "".join(keys)

    def judge(self, candidate: Candidate) -> Iterator[Evidence | Lookup]:
        """What `candidate` proves; or why it does not, which hides nothing else."""
        where = Unopened(candidate.descriptor, candidate.placement, candidate.subject)
        try:
            found = self._proven(candidate)
        except ProvenanceError as error:
            yield from refused(where, candidate.kind, error, candidate.layer)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - nobody foresaw it, and it must hide no other
            yield from refused(where, candidate.kind, not_judged(error), candidate.layer)
        else:  # what the caller's own identity raises is the caller's to see
            for one in found:
                if isinstance(one, ProvenanceError):
                    yield from refused(where, candidate.kind, one, candidate.layer)
                else:
                    yield one if isinstance(one, Evidence) else self._weighed(candidate, one)

    def _proven(
        self, candidate: Candidate
    ) -> Sequence[SignedStatement | SignedImage | ProvenanceError] | Sequence[Evidence]:
        """What is signed, by whomever, or what nobody signed; beside it, what cannot be told.

        Raises why nothing of it holds.
        """
        if candidate.shape == "bundle":
            return self._bundle(candidate)
        if candidate.shape == "statement" and not _is_envelope(candidate.raw):
            return [_unsigned(candidate)]
        return self._layer(candidate)

    def _bundle(self, candidate: Candidate) -> Sequence[SignedStatement | ProvenanceError]:
        bundle = Bundle.parse(candidate.raw, limits=self.limits)
        _check_says_something(bundle, candidate.subject)
        by_key = bundle.has_key and not bundle.has_certificate
        self._check_kind_of_signer(by_key=by_key)

        def prove(key: PublicKey | None) -> SignedStatement:
            return verify_bundle(
                bundle,
                candidate.subject,
                trust=self.trust,
                key=key,
                unsafe_no_log=self.unsafe_no_log,
                require=self.witnesses,
                limits=self.limits,
            )

        return self._by_each(prove, bundle.signature_count) if by_key else [prove(None)]

    def _layer(
        self, candidate: Candidate
    ) -> Sequence[SignedStatement | SignedImage | ProvenanceError]:
        media_type = candidate.layer.media_type
        layer = LayerSignature.of(
            candidate.layer.annotations,
            candidate.raw,
            # An envelope is one whatever its layer is called.
            DSSE if candidate.shape == "statement" else media_type,
        )
        by_key = not layer.certificate
        self._check_kind_of_signer(by_key=by_key)

        def prove(key: PublicKey | None) -> SignedStatement | SignedImage:
            return verify_layer(
                layer,
                candidate.subject,
                trust=self.trust,
                key=key,
                unsafe_no_log=self.unsafe_no_log,
                require=self.witnesses,
                limits=self.limits,
            )

        if not by_key:
            return [prove(None)]
        # With one key there is nothing to count.
        return self._by_each(prove, layer.signature_count if len(self.keys) > 1 else 1)

    def _check_kind_of_signer(self, *, by_key: bool) -> None:
        """A key and a certificate prove different things: what cannot count is told at once."""
        if self.keys and self.identity is None and not by_key:
            raise InvalidEvidence(
                "it is signed with a certificate, and a key was asked for",
                step="key",
                hint="verify it by identity",
            )
        if by_key and not self.keys:
            told = "it is signed by a key without a certificate"
            if self.identity is None:
                raise UnsupportedFormat(told, hint="name the key to know whether it is by that")
            raise InvalidEvidence(
                f"{told}, and an identity was asked for",
                step="identity",
                hint="verify it by its key",
            )

    def _by_each(
        self, prove: Callable[[PublicKey | None], S], signatures: int
    ) -> Sequence[S | ProvenanceError]:
        """A proof by every key that made one of the `signatures`, and whose cannot be told.

        Raises the reason of the key that came nearest, where none did.
        """
        proven: list[S] = []
        refusals: list[ProvenanceError] = []
        for key in dict.fromkeys(self.keys):
            try:
                proven.append(prove(key))
            except ProvenanceError as error:  # another key may have signed
                refusals.append(error)
            if len(proven) >= signatures:
                return proven
        if not proven:
            raise min(refusals, key=_distance)
        return [*proven, *(r for r in refusals if not _distance(r))]

    def _weighed(self, candidate: Candidate, signed: SignedStatement | SignedImage) -> Evidence:
        """The last steps: everything holds; is it what one asked for, and by whom?"""
        kind = kind_of(signed)
        told = getattr(self.identity, "warnings_about", None)
        if told is not None and (more := told(signed.signer)):
            signed = replace(signed, warnings=(*signed.warnings, *more))
        step, why = self._miss(candidate.subject, signed)
        outcome, reason = Outcome.REFUTED, why
        if not why:
            when = f" at {signed.time:%Y-%m-%d %H:%M:%S} UTC" if signed.time else ""
            logged = f"log index {signed.log_index}" if signed.log_entries else "in no log"
            outcome, reason = Outcome.PROVEN, f"signed by {signed.signer}{when}, {logged}"
            if self.asks_nobody:
                reason += "; nobody in particular was asked for"
        return Evidence(
            *(candidate.descriptor, kind, candidate.placement, outcome, reason, step, signed),
            subject=candidate.subject,
            layer=candidate.layer,
            anyone=self.asks_nobody,
        )

    def _miss(self, subject: Digest, signed: SignedStatement | SignedImage) -> tuple[str, str]:
        """The step that refuses what is proven, and why; empty: none does."""
        if self.identity is not None and (why := judgement(self.identity, signed.signer)):
            return "identity", why
        said = annotations_about(subject, signed)
        for name, value in self.annotations.items():
            if name not in said or _spelled(said[name]) != _spelled(value):
                found = repr(said[name])[:100] if name in said else "nothing"
                return "annotations", f"signed with {name}={found}, expected {value!r}"
        return "", ""


def _distance(refusal: ProvenanceError) -> int:
    """How far the key was from having signed: what could not be told may be the nearest."""
    if not isinstance(refusal, InvalidEvidence):
        return 0
    return 2 if refusal.step in _OF_ANOTHER_KEY else 1


def kind_of(signed: SignedStatement | SignedImage) -> str:
    """`signature`, or the family of the predicate type."""
    if isinstance(signed, SignedImage):
        return "signature"
    predicate_type = signed.statement.predicate_type
    return "signature" if predicate_type == COSIGN_SIGN else family(predicate_type)


def _spelled(value: Any) -> str:
    """As JSON: true is not 1 there, as it is in Python."""
    return json.dumps(value, sort_keys=True, default=repr)


def _check_says_something(bundle: Bundle, subject: Digest) -> None:
    """Refuse a signature over bytes, whoever made it: of an image, it would say nothing.

    cosign 3 does the same: it verifies such a bundle over the manifest's bytes, and then counts
    it neither as a signature nor as an attestation ("does not contain a DSSE envelope").
    """
    if bundle.content != "message-signature":
        return
    content = read_parts(bundle).content
    stated = ("", "")
    if isinstance(content, MessageSignature):
        stated = (content.algorithm, content.digest.hex())
    same = stated == (subject.algorithm, subject.hex)
    what = "this image's manifest" if same else "something else"
    raise InvalidEvidence(
        f"by its own word it signs the bytes of {what}, as a file: it states nothing of the image",
        step="statement",
        hint="images are signed by statements (sign); a manifest's bytes verify with verify-blob",
    )


def _is_envelope(raw: bytes) -> bool:
    """Whether these are the bytes of a DSSE envelope. Raises MalformedDocument for no JSON."""
    return decode_object(raw, values=MOST_VALUES).keys() >= _ENVELOPE


def _unsigned(candidate: Candidate) -> Evidence:
    """A statement that nobody signed: what it says is what anyone may have written there."""
    statement = Statement.parse(candidate.raw)
    about = "" if statement.is_about(candidate.subject) else ", and it is about something else"
    return Evidence(
        candidate.descriptor,
        family(statement.predicate_type),
        candidate.placement,
        Outcome.REFUTED,
        f"a statement that nobody signed{about}",
        "unsigned",
        subject=candidate.subject,
        layer=candidate.layer,
        claimed=statement,
    )
