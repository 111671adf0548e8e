"""`SigningConfig`: where to sign. Which of the services named are used, and how many of them.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, SigningConfig version 0.2, in its
JSON form. Of one operator one service is used: with the newest version of its interface that is
spoken here, of those the one that began last. Of several operators, as the selector says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from provenance.errors import MalformedDocument, NotEvaluated, UnsupportedFormat
from provenance.strict_json import decode_object
from provenance.trust.material import Validity, read_validity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOG_VERSIONS", "Choice", "Service", "SigningConfig"]

_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_SELECTORS = {"ALL": "ALL", "ANY": "ANY", "EXACT": "EXACT", 1: "ALL", 2: "ANY", 3: "EXACT"}
_MAX_SERVICES = 1000
LOG_VERSIONS = (1, 2)
"""Of Rekor's interface that are spoken here."""
_OTHER_VERSIONS = (1,)
_EVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """One service at one address."""

    url: str
    version: int
    """Of its interface; 2 is Rekor on tiles."""
    operator: str
    validity: Validity


@dataclass(frozen=True, slots=True)
class Choice:
    """Services in the order in which to try them, and how many must do their part."""

    services: tuple[Service, ...]
    needed: int


@dataclass(frozen=True, slots=True)
class _Group:
    """Services of one kind, and how they are selected."""

    services: tuple[Service, ...]
    selector: str = "ANY"
    count: int = 1

    def choose(self, now: dt.datetime, versions: tuple[int, ...], what: str) -> Choice:
        best: dict[str, Service] = {}
        for service in self.services:
            if service.version not in versions or not service.validity.covers(now):
                continue
            held = best.get(service.operator)
            if held is None or _rank(service) > _rank(held):
                best[service.operator] = service
        ordered = tuple(sorted(best.values(), key=_rank, reverse=True))
        if self.selector == "ALL":
            return Choice(ordered, len(ordered))
        needed = self.count if self.selector == "EXACT" else min(1, len(ordered))
        if needed > len(ordered):
            raise NotEvaluated(
                f"the signing configuration wants {needed} {what}s of different operators, and "
                f"names {len(ordered)} that can be used now",
                hint="get a newer signing configuration",
            )
        return Choice(ordered, needed)


@dataclass(frozen=True, slots=True)
class SigningConfig:
    """What a signing configuration says."""

    _authorities: _Group
    _issuers: _Group
    _logs: _Group
    _clocks: _Group

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The configuration in `raw`.

        Raises:
            UnsupportedFormat: of another version.
            MalformedDocument: not of its form; the pointer names the part.
        """
        document = decode_object(raw)
        media_type = document.get("mediaType")
        if media_type != _MEDIA_TYPE:
            raise UnsupportedFormat(
                f"{str(media_type)[:100]!r} is no signing configuration this library reads",
                hint=f"expected mediaType {_MEDIA_TYPE}",
            )
        return cls(
            _Group(_services(document, "caUrls")),
            _Group(_services(document, "oidcUrls")),
            _selected(document, "rekorTlogUrls", "rekorTlogConfig"),
            _selected(document, "tsaUrls", "tsaConfig"),
        )

    def authorities(self, now: dt.datetime) -> Choice:
        """Certificate authorities: one is needed."""
        return self._authorities.choose(now, _OTHER_VERSIONS, "certificate authority")

    def issuers(self, now: dt.datetime) -> Choice:
        """Where a person logs in: one is needed."""
        return self._issuers.choose(now, _OTHER_VERSIONS, "issuer")

    def logs(self, now: dt.datetime, versions: tuple[int, ...] = LOG_VERSIONS) -> Choice:
        """Transparency logs. Raises NotEvaluated where fewer can be used than are asked for."""
        return self._logs.choose(now, versions, "log")

    def clocks(self, now: dt.datetime) -> Choice:
        """Timestamp authorities. Raises NotEvaluated as `logs` does."""
        return self._clocks.choose(now, _OTHER_VERSIONS, "timestamp authority")


def _rank(service: Service) -> tuple[int, dt.datetime]:
    return service.version, service.validity.start or _EVER


def _selected(document: Mapping[str, Any], urls: str, config: str) -> _Group:
    services = _services(document, urls)
    said = document.get(config)
    if said is None:  # nothing asks for fewer
        return _Group(services, "ALL")
    if not isinstance(said, dict):
        raise MalformedDocument("must be an object", pointer=f"/{config}")
    named = said.get("selector")
    readable = isinstance(named, (str, int)) and not isinstance(named, bool)
    selector = _SELECTORS.get(named) if readable else None
    if selector is None:
        raise MalformedDocument("must be ALL, ANY or EXACT", pointer=f"/{config}/selector")
    count = said.get("count", 0)
    if selector == "EXACT" and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise MalformedDocument("must be a number above 0", pointer=f"/{config}/count")
    return _Group(services, selector, count if selector == "EXACT" else 1)


def _services(document: Mapping[str, Any], name: str) -> tuple[Service, ...]:
    listed = document.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) > _MAX_SERVICES:
        raise MalformedDocument("must be an array", pointer=f"/{name}")
    return tuple(_service(part, f"/{name}/{index}") for index, part in enumerate(listed))


def _service(part: Any, at: str) -> Service:
    if not isinstance(part, dict):
        raise MalformedDocument("must be an object", pointer=at)
    url, version, operator = part.get("url"), part.get("majorApiVersion"), part.get("operator", "")
    if not isinstance(url, str) or not _is_address(url):
        raise MalformedDocument("must be an http or https address", pointer=f"{at}/url")
    if isinstance(version, bool) or not isinstance(version, int):
        raise MalformedDocument("must be a number", pointer=f"{at}/majorApiVersion")
    if not isinstance(operator, str):
        raise MalformedDocument("must be a string", pointer=f"{at}/operator")
    return Service(url, version, operator, read_validity(part.get("validFor"), f"{at}/validFor"))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
