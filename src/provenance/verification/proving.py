"""`prove`: our own algorithm, for every shape of signature. It reads as an argument.

Source: the Sigstore client specification; each step's own module names its other sources.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from provenance.errors import InvalidEvidence, ProvenanceError, UnsupportedFormat
from provenance.verification.anchors import anchors_of
from provenance.verification.certificate import (
    check_profile,
    key_of,
    load_certificate,
    read_certificate,
)
from provenance.verification.chain import verify_chain
from provenance.verification.cosigned import own_parts, signatures_by
from provenance.verification.entry_body import Signing, check_entry
from provenance.verification.foreign_entries import check_foreign_entry
from provenance.verification.log_proof import check_log_validity, prove_entry
from provenance.verification.scts import check_scts
from provenance.verification.signatures import check_signature
from provenance.verification.signed import KeyHolder
from provenance.verification.thresholds import Thresholds
from provenance.verification.timestamps import verify_timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from provenance.attestation.bundle_parts import BundleParts, LoggedEntry
    from provenance.attestation.public_key import PublicKey
    from provenance.trust import Trust
    from provenance.verification.anchors import Anchors
    from provenance.verification.content import SignedBytes
    from provenance.verification.log_proof import ProvenEntry
    from provenance.verification.signed import LogEntry, Signatory, VerifiedTime

__all__ = ["Demand", "Proven", "prove"]

S = TypeVar("S")

_SKEW = dt.timedelta(minutes=5)
"""The clock of a log or authority may be ahead of ours by this."""
_OTHERS = "the envelope has other signatures, which prove nothing of this one"
_CLOCK = "that clock, or the one of this machine, is wrong"


@dataclass(frozen=True, slots=True)
class Demand:
    """What a signature is held to."""

    trust: Trust
    key: PublicKey | None = None
    """Who must have signed; None: a certificate is asked for."""
    unsafe_no_log: bool = False
    require: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Proven:
    """What is established of a signature, whatever it is over."""

    signer: Signatory
    times: tuple[VerifiedTime, ...]
    log_entries: tuple[LogEntry, ...]
    warnings: tuple[str, ...]
    chain: tuple[x509.Certificate, ...] = field(default=(), repr=False)
    """Above the signer's certificate, its issuer first; empty for a key."""
    leaf: x509.Certificate | None = field(default=None, repr=False)
    """The signer's certificate; None for a key."""

    def of(self, kind: Callable[..., S], **what: Any) -> S:
        """What is told of it, as one of the kinds of `Signed` has it: with `what` was signed."""
        return kind(
            signer=self.signer,
            times=self.times,
            log_entries=self.log_entries,
            warnings=self.warnings,
            **what,
        )


def prove(parts: BundleParts, signed: SignedBytes, demand: Demand) -> Proven:
    """Prove that a certificate, or the key asked for, signed `signed`.

    Raises:
        InvalidEvidence: `step` refused.
        UnsupportedFormat: it could not be told: an algorithm, a kind of entry, a part that the
            trust root lacks.
        MalformedDocument: a certificate is none.
    """
    key, certificates = _verifier(parts, demand.key, anchors_of(demand.trust))
    refusals = []
    for signature in signatures_by(parts, key, signed):
        signing = Signing(
            parts.content,
            signed,
            signature,
            parts.certificates[0] if certificates else b"",
            demand.key,
        )
        try:
            return _prove(parts, signing, key, certificates, demand)
        except ProvenanceError as error:
            refusals.append(error)
    # Of one that could not be judged nobody knows that it is bad, whatever the others are.
    raise min(refusals, key=lambda refusal: isinstance(refusal, InvalidEvidence))


def _prove(
    parts: BundleParts,
    signing: Signing,
    key: PublicKeyTypes,
    certificates: tuple[x509.Certificate, ...],
    demand: Demand,
) -> Proven:
    # Plan:
    #  0 key or certificate, as asked; neither stands in for the other: `_verifier`
    #  1 what belongs to other signatures on the same envelope is set aside
    #  2 the log entries are in the logs they name (promise, proof, checkpoint), or in one that
    #    the trust root does not list: these prove nothing, and must not be false either
    #  3 authorities of the trust root stamped this signature; of others as of logs
    #  4 so there is a time, and a certificate chains to the trust root at each; its
    #    timestamps are of trusted certificate logs, and it is for signing code
    #  5 the logs were trusted when they logged, and no time is in our future
    #  6 the signature is over the bytes
    #  7 the log entries are for this signature by this signer
    #  8 there are as many witnesses as required
    anchors = anchors_of(demand.trust)
    others = len({*parts.signatures} - {signing.signature})
    parts = own_parts(parts, signing, anchors)  # 1
    entries, foreign = _entries(parts, anchors, demand)  # 2
    stamped = verify_timestamps(parts.timestamps, parts.stamped(signing.signature), anchors)  # 3
    times = (*(e.time for e in entries if e.time is not None), *stamped)
    chain: tuple[x509.Certificate, ...] = ()
    if certificates:  # 4
        _check_times(parts, times, anchors)
        for time in times:
            chain = verify_chain(certificates[0], certificates[1:], time.moment, anchors)
        required = max(demand.require.certificate_timestamps, 1 if anchors.certificate_logs else 0)
        check_scts(certificates[0], chain, anchors, required)
        check_profile(certificates[0])
    for entry in entries:  # 5
        check_log_validity(entry, times)
    for time in times:
        _check_past(time)
    check_signature(key, signing.signature, signing.signed)  # 6
    for logged in (*(e.entry for e in entries), *(foreign if anchors.logs else ())):  # 7
        check_entry(logged, signing)
    _check_witnesses(entries, stamped, anchors, demand)  # 8
    return Proven(
        read_certificate(certificates[0]) if certificates else _holder(demand.key),
        times,
        tuple(e.report for e in entries),
        (
            *([_OTHERS] if others else ()),
            *("a log entry is of a log that the trust root does not list" for _ in foreign),
            *_open_questions(parts, times, entries, anchors),
        ),
        chain,
        certificates[0] if certificates else None,
    )


def _verifier(
    parts: BundleParts, key: PublicKey | None, anchors: Anchors
) -> tuple[PublicKeyTypes, tuple[x509.Certificate, ...]]:
    """The key that must have signed, and its certificate with what came above it."""
    if key is not None:
        if parts.certificates:
            raise InvalidEvidence(
                f"it is signed with a certificate, and {key} was asked for",
                step="key",
                hint="ask for the identity in the certificate instead",
            )
        return _loaded(key), ()
    if not parts.certificates:
        raise InvalidEvidence(
            "it is signed by a key without a certificate"
            + (f" (hint {parts.key_hint[:100]!r})" if parts.key_hint else ""),
            step="key",
            hint="name the public key (key=, --key)",
        )
    certificates = tuple(load_certificate(c) for c in parts.certificates)
    for other in certificates[1:]:
        # protobuf-specs: a chain in a bundle leaves out the root, which only the trust root gives.
        # npm's first bundles had it all the same: the trust root's own grants nothing.
        if not parts.version or other.issuer != other.subject:
            continue
        if not any(other in authority.chain for authority in anchors.authorities):
            raise InvalidEvidence(
                "the bundle brings a root certificate of its own",
                step="certificate-chain",
                hint="whom to trust is for the trust root alone to say",
            )
    return key_of(certificates[0]), certificates


def _entries(
    parts: BundleParts, anchors: Anchors, demand: Demand
) -> tuple[tuple[ProvenEntry, ...], tuple[LoggedEntry, ...]]:
    """Those that are proven, and those of logs that the trust root does not list.

    A root without logs knows nothing of any. Another one must prove one, and none may be false:
    what is listed beside a proof would be taken for one.
    """
    proven: list[ProvenEntry] = []
    foreign: list[LoggedEntry] = []
    seen: set[tuple[bytes, bytes]] = set()
    for entry in parts.entries:
        found = prove_entry(entry, parts.version, anchors)
        # A root may list one log under several ids: its key is what tells it from another.
        by = entry.log_id if found is None else found.log.key_hash
        if (by, entry.body) in seen:
            raise InvalidEvidence(
                "the same log entry is there twice",
                step="transparency-log",
                hint="the bundle is damaged or forged",
            )
        seen.add((by, entry.body))
        if found is not None:
            proven.append(found)
            continue
        if anchors.logs:
            check_foreign_entry(entry, parts.version, anchors)
        foreign.append(entry)
    if foreign and not proven and anchors.logs and not demand.unsafe_no_log:
        raise InvalidEvidence(
            "the log entry is of a log that the trust root does not list",
            step="transparency-log",
            hint="name the trust root of the instance that signed",
        )
    return tuple(proven), tuple(foreign)


def _check_times(
    parts: BundleParts,
    times: tuple[VerifiedTime, ...],
    anchors: Anchors,
) -> None:
    """A certificate is good for minutes: without a proven time nobody knows which."""
    if times:
        return
    if parts.timestamps and not anchors.stampers:
        raise UnsupportedFormat(
            "the bundle has timestamps, and the trust root lists no timestamp authority",
            hint="name the trust root of the instance that signed",
        )
    if parts.timestamps:
        raise InvalidEvidence(
            "no time of the signature is proven: its timestamps are by authorities that the "
            "trust root does not list",
            step="time",
            hint="name the trust root of the instance that signed",
        )
    raise InvalidEvidence(
        "no time of the signature is proven: neither a log nor an authority states one",
        step="time",
        hint="the bundle is damaged or forged, or of another instance",
    )


def _open_questions(
    parts: BundleParts,
    times: tuple[VerifiedTime, ...],
    entries: tuple[ProvenEntry, ...],
    anchors: Anchors,
) -> tuple[str, ...]:
    """What a reader could take for proven, and is not."""
    told = []
    if not times:
        told.append("no time is proven: the key may have signed whenever it existed")
    if not entries and anchors.logs:
        told.append("no log has the signature: whoever made it left no trace")
    if parts.timestamps and not anchors.stampers:
        told.append("the timestamps do not count: the trust root lists no timestamp authority")
    elif len(parts.timestamps) > sum(t.source == "timestamp-authority" for t in times):
        told.append("a timestamp is by an authority that the trust root does not list")
    return tuple(told)


def _check_past(time: VerifiedTime) -> None:
    if time.moment > dt.datetime.now(dt.UTC) + _SKEW:
        raise InvalidEvidence(
            f"{time.authority or time.source} states the time {time.moment:%Y-%m-%d %H:%M:%S} "
            "UTC, which is to come",
            step="time",
            hint=_CLOCK,
        )


def _check_witnesses(
    entries: tuple[ProvenEntry, ...],
    stamped: tuple[VerifiedTime, ...],
    anchors: Anchors,
    demand: Demand,
) -> None:
    logs = len({e.log.key_hash for e in entries})
    usual = 1 if anchors.logs and not demand.unsafe_no_log else 0
    if logs < usual:
        raise InvalidEvidence(
            "no log of the trust root is proven to have the signature",
            step="transparency-log",
            hint="a trust root that lists logs requires an entry; unsafe_no_log=True does without",
        )
    if logs < demand.require.log_entries:
        raise InvalidEvidence(
            f"{logs} logs have the signature, where {demand.require.log_entries} are required",
            step="threshold",
            hint="sign with a signing configuration that names more logs",
        )
    authorities = len({t.authority for t in stamped})
    if authorities < demand.require.timestamps:
        raise InvalidEvidence(
            f"{authorities} timestamp authorities have stamped the signature, where "
            f"{demand.require.timestamps} are required",
            step="threshold",
            hint="sign with a signing configuration that names more authorities",
        )


def _holder(key: PublicKey | None) -> KeyHolder:
    if key is None:
        raise InvalidEvidence("nobody signed", step="key")
    return KeyHolder(key.key_id)


@functools.lru_cache(maxsize=64)
def _loaded(key: PublicKey) -> PublicKeyTypes:
    return key.load()
