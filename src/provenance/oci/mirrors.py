"""`Mirrors`: where an image is really read. Routing alone: names in, places out, no network.

A digest is checked wherever the bytes come from, so a mirror cannot alter what was asked for by
digest. A tag is the word of the place that answers: a mirror that lags, or lies, gives another
image under the same tag. Who minds asks mirrors for digests only (`pull-from-mirror`), pins
digests, or verifies signatures. What is pushed goes to the registry itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self, TypeAlias

from provenance.errors import (
    Forbidden,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    UnsupportedFormat,
)
from provenance.oci.reference import host_of, split_name
from provenance.oci.registries_conf import MAX_MIRRORS, Mirror, Namespace, RegistriesConf

if TYPE_CHECKING:
    from provenance.oci.reference import Reference

__all__ = ["MirrorMap", "Mirrors", "Place"]

MirrorMap: TypeAlias = Mapping[str, str | Sequence[str]]
"""Registry, `host/path` or `*.domain` to `host[:port][/path]`, one or several in order."""

_CALLER = "the mirrors of the caller"


@dataclass(frozen=True, slots=True)
class Place:
    """One place to ask for an image."""

    registry: str
    """Whose credentials it may have: the host by the name people know it by."""
    repository: str
    mirror: bool = False
    """Whether it only stands in for the registry that was named."""
    source: str = ""
    """What says so: a file, or the caller; empty: the reference itself."""
    insecure: bool = False
    """Whether a file calls it insecure: no permission, but a hint when it cannot be reached."""

    @property
    def host(self) -> str:
        """Host and port to connect to."""
        return host_of(self.registry)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def hint(self) -> str:
        """What to do about it when it cannot be reached; may be empty."""
        if not self.insecure:
            return ""
        return (
            f"{self.source} calls it insecure, which is not followed: name {self.host} in "
            "Settings.plain_http, or its authority in Settings.ca_bundle"
        )


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Where each image is read: the caller's mirrors, then those of `registries.conf`."""

    own: tuple[Namespace, ...] = ()
    """The caller's."""
    conf: RegistriesConf = field(default_factory=RegistriesConf)
    """The machine's."""

    @classmethod
    def of(cls, mirrors: MirrorMap | None = None, conf: RegistriesConf | None = None) -> Self:
        """The caller's `mirrors`, before those of the machine.

        Args:
            mirrors: what is read in the place of what; the longest name wins.
            conf: what `conf_files.read` found; None: nothing.

        Raises:
            InvalidReference: a name or a place that is none.
            LimitExceeded: more than 16 for one name.
        """
        own = []
        for prefix, places in (mirrors or {}).items():
            listed = (places,) if isinstance(places, str) else tuple(places)
            if len(listed) > MAX_MIRRORS:
                raise LimitExceeded(
                    f"{prefix} has {len(listed)} mirrors", hint=f"at most {MAX_MIRRORS} are asked"
                )
            own.append(
                Namespace(
                    _checked(prefix, wildcard=True),
                    mirrors=tuple(Mirror(_checked(place)) for place in listed),
                    source=_CALLER,
                )
            )
        return cls(tuple(own), conf or RegistriesConf())

    def places(self, reference: Reference) -> tuple[Place, ...]:
        """Where to ask for `reference`, in this order; the last is the registry itself.

        Ask with what is read: a digest and a tag may have different mirrors. Each place is
        named once.

        Raises:
            Forbidden: `registries.conf` blocks it; names the file and the prefix.
            MalformedDocument, UnsupportedFormat: it is rewritten to what is no place.
        """
        self.check(reference)
        found = [
            Place(*_rewritten(mirror.location, own, reference), mirror=True, source=_CALLER)
            for own in _longest(self.own, reference)
            for mirror in own.mirrors
        ]
        origin = Place(reference.registry, reference.repository)
        unfit = "tag-only" if reference.digest else "digest-only"
        for named in _longest(self.conf.namespaces, reference):
            mirrors = [m for m in named.mirrors if m.pull != unfit]
            found += [_place(named, m, reference, mirror=True) for m in mirrors]
            if named.location:
                origin = _place(named, named, reference, mirror=False)
            else:
                origin = replace(origin, source=named.source, insecure=named.insecure)
        once: dict[str, Place] = {}
        for place in found:
            if place.name != origin.name:
                once.setdefault(place.name, place)
        return (*once.values(), origin)

    def check(self, reference: Reference) -> None:
        """Whether it may be read or written at all.

        Raises:
            Forbidden: `registries.conf` blocks it; names the file and the prefix.
        """
        for namespace in _longest(self.conf.namespaces, reference):
            if namespace.blocked:
                raise Forbidden(
                    f"{reference} is blocked by {namespace.source} (prefix {namespace.prefix})",
                    reference=str(reference),
                    hint="its administrator forbids it; name another registry",
                )


def _place(
    namespace: Namespace, target: Mirror | Namespace, reference: Reference, *, mirror: bool
) -> Place:
    registry, repository = _rewritten(target.location, namespace, reference)
    return Place(registry, repository, mirror, namespace.source, target.insecure)


def _longest(namespaces: Sequence[Namespace], reference: Reference) -> tuple[Namespace, ...]:
    """The one whose prefix is the longest that fits, if any does."""
    fitting = [n for n in namespaces if _rest(n.prefix, reference) is not None]
    return (max(fitting, key=lambda n: len(n.prefix)),) if fitting else ()


def _rest(prefix: str, reference: Reference) -> str | None:
    """What of the name follows `prefix`; None: the name does not begin with it."""
    if prefix.startswith("*."):
        host = reference.registry.partition(":")[0]
        return f"/{reference.repository}" if host.endswith(prefix[1:]) else None
    name, whole = reference.name, str(reference)
    if name == prefix or name.startswith(f"{prefix}/"):
        return name[len(prefix) :]
    # A prefix that ends with a tag or a digest is a whole reference, or one without its digest.
    if len(prefix) > len(name) and (whole == prefix or whole.startswith(f"{prefix}@")):
        return ""
    return None


def _rewritten(location: str, namespace: Namespace, reference: Reference) -> tuple[str, str]:
    """Registry and repository of `location` with what of the name follows the prefix."""
    rest = _rest(namespace.prefix, reference) or ""
    if not namespace.prefix.startswith("*."):
        end = namespace.prefix[len(reference.name) :]
        if end and not location.endswith(end):
            raise UnsupportedFormat(
                f"{namespace.source} leads {namespace.prefix} to {location}, another tag or digest",
                reference=str(reference),
                hint=f"let it end with {end}, or lead the repository",
            )
        location = location.removesuffix(end)
    try:
        registry, repository = split_name(location + rest)
    except InvalidReference as error:
        raise _nowhere(location, namespace, reference) from error
    if not repository:
        raise _nowhere(location, namespace, reference)
    return registry, repository


def _nowhere(location: str, namespace: Namespace, reference: Reference) -> MalformedDocument:
    return MalformedDocument(
        f"{namespace.source} leads {namespace.prefix} to {location}, where no repository is named",
        reference=str(reference),
        hint="the location stands for the prefix: write as much of the name as that has",
    )


def _checked(text: str, *, wildcard: bool = False) -> str:
    star = "*." if wildcard and text.startswith("*.") else ""
    registry, path = split_name(text.removeprefix(star))
    if star and (path or ":" in registry):
        raise InvalidReference(
            f"{text[:300]!r} is no name to mirror", hint="with a * write *.domain and nothing else"
        )
    return star + (f"{registry}/{path}" if path else registry)
