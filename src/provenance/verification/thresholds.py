"""`Thresholds`: how much proof a policy asks for. More than usual, never less."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Thresholds"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many independent witnesses a signature must have.

    Raises:
        ValueError: a negative number.
    """

    log_entries: int = 0
    """Different transparency logs. Under a trust root that lists any, one is required anyway,
    unless `unsafe_no_log` says otherwise."""
    timestamps: int = 0
    """Different timestamp authorities. A certificate requires one verified time anyway, of
    whichever source."""
    certificate_timestamps: int = 0
    """Different logs of certificates, of a certificate. Under a trust root that lists any, one
    is required anyway."""

    def __post_init__(self) -> None:
        if min(self.log_entries, self.timestamps, self.certificate_timestamps) < 0:
            raise ValueError("a threshold is a number of witnesses: 0 or more")
