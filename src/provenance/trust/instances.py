"""Where the trust roots of known instances come from: TUF, what TUF left, or the shipped copy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.transport.origin import display_url
from provenance.trust.updating import GITHUB, PUBLIC_GOOD, STAGING, kept, refresh

if TYPE_CHECKING:
    from provenance.settings import Settings

__all__ = ["Found", "by_tuf", "github", "public_good", "shipped_on", "staging"]

_GITHUB_CA = b"fulcio.githubapp.com"
_SHIPPED_ON = dt.date(2026, 8, 21)
"""When the shipped copy of the public good root was published; see `_data/README.md`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A trust root, where it is from, and when that was last asked."""

    trusted_root: bytes = field(repr=False)
    signing_config: bytes | None = field(repr=False)
    source: str
    fetched: dt.datetime | None
    """None: it has no age."""


def shipped_on() -> dt.datetime:
    """When the shipped copy of the public good root was published."""
    return dt.datetime.combine(_SHIPPED_ON, dt.time(), dt.UTC)


def public_good(settings: Settings, *, renew: bool = False) -> Found:
    """Sigstore's public instance. Offline: the newer of what TUF left and the shipped copy.

    Raises NotEvaluated: it could not be refreshed, or what is at hand is too old.
    """
    root = _shipped("public_good_root.json")
    if not settings.offline:
        return _fetched(PUBLIC_GOOD, root, settings, renew=renew)
    found = _at_hand(PUBLIC_GOOD, root, settings)
    if found is None or found.fetched is None or found.fetched < shipped_on():
        raw = _shipped("public_good_trusted_root.json")
        found = Found(raw, None, f"shipped, of {_SHIPPED_ON}", shipped_on())
    return _young(found, settings)


def staging(settings: Settings, *, renew: bool = False) -> Found:
    """Sigstore's staging instance, as `by_tuf`."""
    return by_tuf(STAGING, _shipped("staging_root.json"), settings, renew=renew)


def github(raw: bytes, name: str, settings: Settings, *, renew: bool = False) -> Found:
    """GitHub's instance: `raw` is its TUF root, or the trust roots that `gh` prints, a line each.

    Raises MalformedDocument where several lines are about it, NotEvaluated as `by_tuf`.
    """
    lines = [line for line in raw.splitlines() if _GITHUB_CA in line]
    if not lines:
        return by_tuf(GITHUB, raw, settings, name=name, renew=renew)
    if len(lines) > 1:
        raise MalformedDocument(
            f"{name} has {len(lines)} trust roots of GitHub's",
            hint="keep the line you mean, or give the TUF root",
        )
    return Found(lines[0], None, name, None)


def by_tuf(
    url: str, root: bytes, settings: Settings, *, name: str = "the root", renew: bool = False
) -> Found:
    """Any instance that publishes by TUF. Offline: what the last refresh left.

    Raises MalformedDocument: no TUF root. NotEvaluated: it could not be refreshed, or nothing young
    enough is at hand.
    """
    from provenance.trust.replaying import check_root

    check_root(root, name)
    if not settings.offline:
        return _fetched(url, root, settings, renew=renew)
    found = _at_hand(url, root, settings)
    if found is None:
        raise NotEvaluated(
            f"of the trust root of {display_url(url)} no copy is at hand, and offline forbids to "
            "fetch one",
            hint="go online once, or name a root file (trust=, --trusted-root)",
        )
    return _young(found, settings)


def _fetched(url: str, root: bytes, settings: Settings, *, renew: bool) -> Found:
    fresh = refresh(url, root, settings, force=renew)
    return Found(fresh.trusted_root, fresh.signing_config, _source(url), fresh.fetched)


def _at_hand(url: str, root: bytes, settings: Settings) -> Found | None:
    left = kept(url, root, settings)
    if left is None:
        return None
    return Found(left.trusted_root, left.signing_config, _source(url), left.fetched)


def _young(found: Found, settings: Settings) -> Found:
    """What is at hand, unless it is too old to prove anything."""
    day = dt.timedelta(days=1)
    days = 0.0 if found.fetched is None else (dt.datetime.now(dt.UTC) - found.fetched) / day
    if days > settings.max_trust_age:
        raise NotEvaluated(
            f"the trust root at hand ({found.source}) is {days:.1f} days old, of which "
            f"{settings.max_trust_age} are allowed",
            hint="go online once, or name a root file (trust=, --trusted-root)",
        )
    return found


def _source(url: str) -> str:
    return f"TUF repository {display_url(url)}"


def _shipped(name: str) -> bytes:
    return (resources.files("provenance") / "_data" / "sigstore" / name).read_bytes()
