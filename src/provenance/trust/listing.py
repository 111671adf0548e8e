"""`TrustLine`: one line about each key and chain of a trust root, for people and for JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from provenance.trust.material import Authority, Log, TrustMaterial, Validity

__all__ = ["TrustLine", "list_material"]


@dataclass(frozen=True, slots=True)
class TrustLine:
    """One key or chain."""

    kind: str
    """`log`, `certificate log`, `certificate authority` or `timestamp authority`."""
    url: str
    """Where it is; empty where the root does not say."""
    name: str
    """Of a log: its algorithm, as protobuf-specs names it. Of an authority: the subject of its
    first certificate."""
    digest: str
    """Of a log: its id in hex, as entries name it. Of an authority: the SHA-256 of its last
    certificate, the root, in hex."""
    start: dt.datetime | None
    end: dt.datetime | None
    """None: no end."""
    state: str
    """`valid`, `ended` or `not yet`: at the time that was asked. What was signed inside the window
    stays good after its end."""


def list_material(material: TrustMaterial, now: dt.datetime) -> list[TrustLine]:
    """A line each, in the order of the root; `now` is aware."""
    return [
        *_logs("log", material.logs, now),
        *_logs("certificate log", material.certificate_logs, now),
        *_authorities("certificate authority", material.certificate_authorities, now),
        *_authorities("timestamp authority", material.timestamp_authorities, now),
    ]


def _logs(kind: str, logs: tuple[Log, ...], now: dt.datetime) -> Iterator[TrustLine]:
    for log in logs:
        span = log.validity
        state = _state(span, now)
        name, digest = log.key_details, log.log_id.hex()
        yield TrustLine(kind, log.url, name, digest, span.start, span.end, state)


def _authorities(
    kind: str, authorities: tuple[Authority, ...], now: dt.datetime
) -> Iterator[TrustLine]:
    for one in authorities:
        span = one.validity
        digest = hashlib.sha256(one.certificates[-1]).hexdigest()
        name = _subject(one.certificates[0])
        yield TrustLine(kind, one.uri, name, digest, span.start, span.end, _state(span, now))


def _subject(der: bytes) -> str:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError:
        return "no certificate"


def _state(span: Validity, now: dt.datetime) -> str:
    if span.covers(now):
        return "valid"
    return "not yet" if span.start is not None and now < span.start else "ended"
