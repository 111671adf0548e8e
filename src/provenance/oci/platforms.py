"""`Platform`: what an image runs on; `choose`: which image of an index is meant for one.

Source: image-spec v1.1, image-index.md; the choice and its order are those of containerd's
`platforms.Only` (github.com/containerd/platforms v1.0.0-rc.5, compare.go, which also holds the
rules for Windows). BuildKit lists its attestations as platform `unknown/unknown`: no images.
"""

from __future__ import annotations

import platform as _platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import InvalidReference, MalformedDocument, NotFound
from provenance.strict_json import refuse_other_spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index

__all__ = ["Platform", "choose", "no_such_platform", "platforms_of"]

# Other names of a processor; where the name says the variant too, that one counts.
_ARCHITECTURES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "i386": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
# What kernels call processors, where images have another name for them.
_MACHINES = {
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
    "armv8l": "arm/v8",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "loongarch64": "loong64",
}
_SYSTEMS = {"macos": "darwin"}
_FIELDS = frozenset({"architecture", "os", "os.version", "os.features", "variant", "features"})
# Variants that say nothing their absence does not, and other ways to write one.
_VARIANTS = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}
_NUMBER = re.compile(r"v?([0-9]{1,2})", re.ASCII)
_ARM64 = re.compile(r"v([89])(?:\.([0-9]))?", re.ASCII)
_WORD = r"[A-Za-z0-9._-]{1,64}"
_SPELLING = re.compile(
    rf"({_WORD})(?:\((?=[^)])({_WORD})?((?:\+{_WORD}){{0,32}})\))?/({_WORD})(?:/({_WORD}))?",
    re.ASCII,
)
_SERVER_2022 = 20348  # from this build on, Windows runs containers of older builds, down to it


@dataclass(frozen=True, slots=True)
class Platform:
    """What a build of an image runs on."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | Self) -> Self:
        """`os/architecture[/variant]`, e.g. `linux/arm64/v8`. Raises InvalidReference.

        Of Windows also with the version that it must run on, `windows(10.0.20348)/amd64`, and
        with features (`+win32k`), as containerd writes it.
        """
        if isinstance(text, cls):
            return text
        found = _SPELLING.fullmatch(str(text))
        if found is None:
            raise InvalidReference(
                f"{str(text)[:100]!r} is not a platform",
                hint="write it as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64",
            )
        os, version, features, architecture, variant = found.groups(default="")
        os, architecture = os.lower(), architecture.lower()
        architecture, certain = _ARCHITECTURES.get(architecture, (architecture, None))
        return cls(
            _SYSTEMS.get(os, os),
            architecture,
            variant.lower() if certain is None else certain,
            version,
            tuple(features.split("+")[1:]),
        )

    @classmethod
    def host(cls) -> Self:
        """The platform of this machine's containers: Linux, on its processor."""
        machine = _platform.machine().lower()
        return cls.parse(f"linux/{_MACHINES.get(machine, machine) or 'unknown'}")

    @classmethod
    def from_json(cls, value: Any, pointer: str = "") -> Self:
        """From a descriptor's `platform`. Raises MalformedDocument."""
        if not isinstance(value, Mapping):
            raise MalformedDocument("a platform must be an object", pointer=pointer)
        refuse_other_spellings(value, _FIELDS, pointer)

        def word(key: str) -> str:
            found = value.get(key) or ""
            if not isinstance(found, str):
                raise MalformedDocument(f"{key} must be a string", pointer=f"{pointer}/{key}")
            return found

        features = value.get("os.features") or ()
        if not isinstance(features, (list, tuple)):
            raise MalformedDocument(
                "os.features must be an array", pointer=f"{pointer}/os.features"
            )
        return cls(
            word("os"),
            word("architecture"),
            word("variant"),
            word("os.version"),
            tuple(str(f) for f in features),
        )

    def to_json(self) -> dict[str, Any]:
        """As image-spec writes it."""
        out: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        if self.os_version:
            out["os.version"] = self.os_version
        if self.os_features:
            out["os.features"] = list(self.os_features)
        if self.variant:
            out["variant"] = self.variant
        return out

    def normalized(self) -> Self:
        """The same platform under the names that are compared: `x86_64` is `amd64`, `v8` is none.

        Of `arm` no variant is `v7`; features are sorted, each once.
        """
        os, architecture, variant = self.os.lower(), self.architecture.lower(), self.variant.lower()
        architecture, certain = _ARCHITECTURES.get(architecture, (architecture, None))
        variant = variant if certain is None else certain
        return replace(
            self,
            os=_SYSTEMS.get(os, os),
            architecture=architecture,
            variant=_VARIANTS.get(architecture, {}).get(variant, variant),
            os_features=tuple(sorted(set(self.os_features))),
        )

    def matches(self, wanted: Platform) -> bool:
        """Whether an image for `self` runs on `wanted`: on it, or on what it is compatible with."""
        return _rank(self, wanted) is not None

    def __str__(self) -> str:
        options = "".join(f"+{feature}" for feature in self.os_features)
        options = f"({self.os_version}{options})" if self.os_version or options else ""
        return "/".join(p for p in (self.os + options, self.architecture, self.variant) if p)


def platforms_of(index: Index) -> tuple[Platform, ...]:
    """The platforms that an index names, each once, in its order."""
    stated = (d.platform for d in index.manifests)
    return tuple(dict.fromkeys(p for p in stated if p is not None and p.os != "unknown"))


def choose(index: Index, wanted: Platform, *, where: str = "") -> Descriptor:
    """The best image for `wanted`; of equals, the first.

    Best is the platform itself, then what its processor runs too, the newest first: `amd64/v3`
    takes v3, v2, v1, then `386`; `arm64` takes v8 of it, then `arm` from v8 to v5. Windows takes
    its own build, from Server 2022 on also an older one down to that. An image that wants
    `os.features` is only taken for a platform that has them, and then before one that wants none.

    An index of a single image that names no platform, as some builders write layouts, means
    that image whatever is wanted: its config tells.

    Args:
        index: what to choose from.
        wanted: what it is to run on.
        where: the index's reference, for the error.

    Raises:
        NotFound: nothing there runs on it; lists what there is.
    """
    images = [d for d in index.manifests if d.platform is None or d.platform.os != "unknown"]
    ranked = [
        (rank, position)
        for position, descriptor in enumerate(images)
        if descriptor.platform is not None
        and (rank := _rank(descriptor.platform, wanted)) is not None
    ]
    if ranked:
        return images[min(ranked)[1]]
    if len(images) == 1 and images[0].platform is None:
        return images[0]
    raise no_such_platform(
        wanted, platforms_of(index), where=where, digest=str(index.descriptor.digest)
    )


def no_such_platform(
    wanted: Platform, there: Iterable[Platform], *, where: str = "", digest: str = ""
) -> NotFound:
    """The error that says what is `there` in place of `wanted`."""
    names = ", ".join(str(p) for p in there) or "none that is named"
    return NotFound(
        f"no image for platform {wanted}",
        hint=f"choose one of: {names}",
        reference=where,
        digest=digest,
    )


def _rank(platform: Platform, wanted: Platform) -> tuple[int, int] | None:
    """How well `platform` serves `wanted`, less is better; None: not at all."""
    has, asks = platform.normalized(), wanted.normalized()
    if has.os != asks.os:
        return None
    needs = set(has.os_features)
    if has.os == "windows":
        if not _runs_on_windows(has.os_version, asks.os_version):
            return None
        needs.discard("win32k")  # every Windows that is no nano server has it
    if not needs <= set(asks.os_features):
        return None
    for rank, processor in enumerate(_processors(asks.architecture, asks.variant)):
        if processor == (has.architecture, has.variant):
            return rank, -len(platform.os_features)
    return None


def _processors(architecture: str, variant: str) -> Iterator[tuple[str, str]]:
    """Architecture and variant, normalised, of what runs on a processor; the best first."""
    yield architecture, variant
    number = _NUMBER.fullmatch(variant)
    newest = int(number[1]) if number else 0
    if architecture == "amd64":
        for version in range(newest - 1, 0, -1):
            yield architecture, f"v{version}" if version > 1 else ""
        yield "386", ""
    elif architecture == "arm":
        for version in range(newest - 1, 4, -1):
            yield architecture, f"v{version}"
    elif architecture == "arm64" and (found := _ARM64.fullmatch(variant or "v8")):
        yield from _arm64(int(found[1]), int(found[2] or 0))
        yield from _processors("arm", "v8")


def _arm64(major: int, minor: int) -> Iterator[tuple[str, str]]:
    """The versions of Armv8-A and Armv9-A that are part of one: v9.x builds on v8.(x+5)."""
    last = minor
    if major == 9:
        for version in range(minor, -1, -1):
            yield "arm64", f"v9.{version}" if version else "v9"
        last = min(minor + 5, 9)
    for version in range(last, -1, -1):
        yield "arm64", f"v8.{version}" if version else ""


def _runs_on_windows(image: str, host: str) -> bool:
    """Whether Windows of version `host` runs a container of version `image` without Hyper-V.

    Version numbers are `major.minor.build[.revision]`, of which the revision does not count.
    """
    runs_on, needs = _windows_build(host), _windows_build(image)
    if runs_on is None or not image:
        return True
    if needs is None or runs_on[:2] != needs[:2]:
        return False
    if runs_on[2] < _SERVER_2022:
        return runs_on[2] == needs[2]
    return _SERVER_2022 <= needs[2] <= runs_on[2]


def _windows_build(version: str) -> tuple[int, int, int] | None:
    parts = version.split(".")[:3]
    if len(parts) < 3 or not all(p.isascii() and p.isdigit() and len(p) <= 5 for p in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])
