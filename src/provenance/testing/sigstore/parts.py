"""The parts that sign, each with the span it is believed in; rotation replaces one by the next."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from provenance.testing.sigstore.ca import CertificateAuthority
from provenance.testing.sigstore.log import Log
from provenance.testing.sigstore.log_v1 import LogV1
from provenance.testing.sigstore.timestamps import TimestampAuthority
from provenance.testing.sigstore.trust_material import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from provenance.testing.sigstore.trust_material import Part

__all__ = ["Parts"]

_BEFORE = dt.timedelta(days=365)  # the first ones are believed for so long already


class Parts:
    """Certificate authority, CT log, transparency logs and timestamp authorities, old and new."""

    def __init__(self, now: Callable[[], dt.datetime], rekor: Sequence[str], tsas: int) -> None:
        """Make keys. ValueError for a log that is neither `v1` nor `v2`."""
        if unknown := set(rekor) - {"v1", "v2"}:
            raise ValueError(f"no log of kind {min(unknown)!r}: expected v1 or v2")
        self._now = now
        self.start = now() - _BEFORE
        self.ca = CertificateAuthority(now)
        self.authorities = [Listed(self.ca, "", self.start)]
        self.ct_keys = [Listed(self.ca.ct_key, "/ct", self.start)]
        self.logs: list[Listed[Log]] = []
        self.tsas: list[Listed[TimestampAuthority]] = []
        for kind in rekor:
            first = all(f"v{one.part.version}" != kind for one in self.logs)
            self._add_log(kind, self.start, "" if first else None)
        for number in range(tsas):
            self._add_tsa(self.start, None if number else "")

    @property
    def current_logs(self) -> list[Listed[Log]]:
        """Those that take entries."""
        return [one for one in self.logs if one.end is None]

    @property
    def current_tsas(self) -> list[Listed[TimestampAuthority]]:
        """Those that answer."""
        return [one for one in self.tsas if one.end is None]

    def rotate(self, part: str) -> None:
        """Replace `ca`, `ct`, each `log` or each `tsa`. ValueError for another name."""
        rotations = {
            "ca": self._rotate_ca,
            "ct": self._rotate_ct,
            "log": self._rotate_logs,
            "tsa": self._rotate_tsas,
        }
        if part not in rotations:
            raise ValueError(f"no key of {part!r}: expected one of {', '.join(rotations)}")
        rotations[part](self._now())

    def _rotate_ca(self, now: dt.datetime) -> None:
        _end(self.authorities, now)
        kept, self.ca = self.ca, CertificateAuthority(self._now)
        self.ca.ct_key = kept.ct_key
        self.authorities.append(Listed(self.ca, "", now))

    def _rotate_ct(self, now: dt.datetime) -> None:
        _end(self.ct_keys, now)
        self.ca.ct_key = ec.generate_private_key(ec.SECP256R1())
        self.ct_keys.append(Listed(self.ca.ct_key, f"/ct-{len(self.ct_keys) + 1}", now))

    def _rotate_logs(self, now: dt.datetime) -> None:
        # As with Rekor, the next log has a URL of its own; the old one still answers.
        for log in _end(self.logs, now):
            self._add_log(f"v{log.version}", now, None)

    def _rotate_tsas(self, now: dt.datetime) -> None:
        for _ in _end(self.tsas, now):
            self._add_tsa(now, None)

    def _add_log(self, kind: str, start: dt.datetime, path: str | None) -> None:
        # Clients take the host name of the log's URL for its origin.
        log = LogV1("127.0.0.1", self._now) if kind == "v1" else Log("127.0.0.1")
        where = f"/log-{len(self.logs) + 1}" if path is None else path
        self.logs.append(Listed(log, where, start))

    def _add_tsa(self, start: dt.datetime, path: str | None) -> None:
        where = f"/tsa-{len(self.tsas) + 1}" if path is None else path
        self.tsas.append(Listed(TimestampAuthority(self._now), where, start))


def _end(listed: Iterable[Listed[Part]], now: dt.datetime) -> list[Part]:
    """End what serves now, a second late: what was made just now is still before the end."""
    ending = [one for one in listed if one.end is None]
    for one in ending:
        one.end = now.replace(microsecond=0) + dt.timedelta(seconds=1)
    return [one.part for one in ending]
