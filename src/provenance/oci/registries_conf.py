"""`registries.conf`: where this machine reads a registry's images, and which it must not read.

Source: containers-registries.conf(5), version 2, and the rules of containers/image v5.36.2
(`pkg/sysregistriesv2`), which podman, skopeo, buildah and CRI-O share. Not followed:

- `unqualified-search-registries` and short-name aliases: `alpine` is Docker Hub's, as for Docker;
- `insecure`: read and reported, but a file must not relax a check. Plain HTTP is asked for with
  `Settings.plain_http`, an authority of one's own with `Settings.ca_bundle`;
- a port after a prefix without one, which containers/image matches and calls a mistake;
- `proxy`, so far: proxies are those of `Settings`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from provenance.digests import Digest
from provenance.errors import (
    InvalidDigest,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    UnsupportedFormat,
)
from provenance.oci.reference import split_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_MIRRORS", "Mirror", "Namespace", "RegistriesConf", "parse"]

MAX_MIRRORS = 16
"""Mirrors of one namespace; each may cost a request before the registry itself is asked."""
_MAX_NAMESPACES = 10_000
_PULLS = ("all", "digest-only", "tag-only")
_TAGGED = re.compile(r"(?P<name>.*/[^:@/]+):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mirror:
    """One mirror of a namespace."""

    location: str
    """`host[:port][/path]`."""
    pull: str = "all"
    """What it is asked for: `all`, `digest-only` or `tag-only`."""
    insecure: bool = False
    """What the file says, and nobody here obeys."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """One `[[registry]]` table: what holds for the names that begin with its prefix."""

    prefix: str
    """`host[:port][/path][:tag|@digest]` or `*.domain`."""
    location: str = ""
    """Where it really is; empty: under its own name."""
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    insecure: bool = False
    """What the file says, and nobody here obeys."""
    source: str = ""
    """The file."""


@dataclass(frozen=True, slots=True)
class RegistriesConf:
    """What the files say together."""

    namespaces: tuple[Namespace, ...] = ()
    """Each prefix once."""

    def merged(self, later: Self) -> Self:
        """With what a later file says: it has the last word on each prefix."""
        found = {n.prefix: n for n in self.namespaces} | {n.prefix: n for n in later.namespaces}
        return type(self)(tuple(found.values()))

    @property
    def insecure(self) -> tuple[str, ...]:
        """The places that are called insecure in the files, for reports."""
        marked = [n.location or n.prefix for n in self.namespaces if n.insecure]
        marked += [m.location for n in self.namespaces for m in n.mirrors if m.insecure]
        return tuple(dict.fromkeys(marked))


def parse(raw: bytes, *, source: str = "registries.conf") -> RegistriesConf:
    """One file. Keys that are not known are passed over.

    Raises:
        MalformedDocument: not TOML, or a value that has no meaning; with its pointer.
        UnsupportedFormat: of version 1.
        LimitExceeded: more namespaces or mirrors than a configuration has.
    """
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedDocument(
            f"{source} is no TOML: {str(error)[:200]}", hint="see containers-registries.conf(5)"
        ) from error
    if _is_version_1(document.get("registries")):
        raise UnsupportedFormat(
            f"{source} is of version 1 ([registries.search], .insecure, .block)",
            hint="write it as [[registry]] tables, version 2 of containers-registries.conf(5)",
        )
    tables = _Table(document, "", source).tables("registry", _MAX_NAMESPACES)
    found: dict[str, Namespace] = {}
    for namespace in map(_namespace, tables):
        found.setdefault(namespace.prefix, namespace)  # the first of a file, as in podman
    _check_agreement(found, source)
    return RegistriesConf(tuple(found.values()))


def _is_version_1(table: Any) -> bool:
    """Whether it holds a list of version 1 with something in it."""
    groups = table.values() if isinstance(table, dict) else ()
    return any(isinstance(group, dict) and group.get("registries") for group in groups)


def _namespace(table: _Table) -> Namespace:
    location = table.place("location")
    prefix = table.place("prefix", wildcard=True) or location
    if not prefix:
        raise table.fault("prefix", "needs a prefix or a location")
    if not location and not prefix.startswith("*."):
        raise table.fault("location", "needs a location, as its prefix is no *.domain")
    if table.text("pull-from-mirror"):
        raise table.fault("pull-from-mirror", "is for mirrors")
    digests_only = table.flag("mirror-by-digest-only")
    mirrors = []
    for each in table.tables("mirror", MAX_MIRRORS):
        pull = each.text("pull-from-mirror")
        if pull and digests_only:
            raise each.fault("pull-from-mirror", "cannot stand beside mirror-by-digest-only")
        if pull and pull not in _PULLS:
            raise each.fault("pull-from-mirror", f"is one of {', '.join(_PULLS)}")
        where = each.place("location")
        if not where:
            raise each.fault("location", "is missing")
        pull = "digest-only" if digests_only else pull or "all"
        mirrors.append(Mirror(where, pull, each.flag("insecure")))
    return Namespace(
        prefix,
        location,
        table.flag("blocked"),
        tuple(mirrors),
        table.flag("insecure"),
        table.source,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that knows where it stands."""

    values: Mapping[str, Any]
    pointer: str
    source: str

    def fault(self, key: str, what: str) -> MalformedDocument:
        return MalformedDocument(
            f"{self.source}: {key} {what}",
            pointer=f"{self.pointer}/{key}",
            hint="see containers-registries.conf(5)",
        )

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str):
            raise self.fault(key, "must be a string")
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def tables(self, key: str, limit: int) -> list[_Table]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fault(key, "must be an array of tables")
        if len(value) > limit:
            raise LimitExceeded(
                f"{self.source} has {len(value)} tables at {self.pointer}/{key}",
                hint=f"at most {limit} are read",
            )
        pointers = (f"{self.pointer}/{key}/{number}" for number in range(len(value)))
        return [_Table(*each, self.source) for each in zip(value, pointers, strict=True)]

    def place(self, key: str, *, wildcard: bool = False) -> str:
        """A name or the beginning of one, as it is compared; empty where there is none."""
        text = self.text(key).rstrip("/")
        if not text:
            return ""
        if "://" in text:
            raise self.fault(key, "is written without https://")
        star = "*." if wildcard and text.startswith("*.") else ""
        name, end = _split_end(text.removeprefix(star))
        try:
            host, path = split_name(name)
        except InvalidReference as error:
            raise self.fault(key, f"is no place in a registry ({error.hint})") from error
        if star and (path or end or ":" in host):
            raise self.fault(key, "with a * is *.domain and nothing else")
        return star + "/".join(p for p in (host, path) if p) + end


def _split_end(text: str) -> tuple[str, str]:
    """A name, and the tag or digest it ends with, mark included."""
    name, at, digest = text.rpartition("@")
    if at:
        try:
            return name, f"@{Digest(digest)}"
        except InvalidDigest:
            return text, ""  # refused as part of the name
    tagged = _TAGGED.fullmatch(text)
    return (tagged["name"], f":{tagged['tag']}") if tagged else (text, "")


def _check_agreement(found: Mapping[str, Namespace], source: str) -> None:
    """One place cannot be blocked by one table and not by another."""
    blocked: dict[str, bool] = {}
    for namespace in found.values():
        place = namespace.location or namespace.prefix
        if blocked.setdefault(place, namespace.blocked) != namespace.blocked:
            raise MalformedDocument(
                f"{source}: {place} is blocked by one table and not by another",
                hint="say it in both, or in none",
            )
