"""Which distribution a root is: what every cataloger of distribution packages needs to know.

Source: os-release(5): `etc/os-release` counts before `usr/lib/os-release`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Fact, root_of
from provenance.packages.os_release import OsRelease

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from provenance.catalog.cataloger import Item, MatchedFile

__all__ = ["RULES", "releases"]

_ETC, _USR = "etc/os-release", "usr/lib/os-release"


def read(file: MatchedFile) -> Iterator[Item]:
    """A fact under the file's path."""
    release = OsRelease.parse(bytes(file.body[: 1 << 16]))
    if release.id:
        said = dataclasses.asdict(release)
        yield Fact("release", file.path, {k: v for k, v in said.items() if v})


def releases(facts: Iterable[Mapping[str, Any]]) -> dict[str, OsRelease]:
    """The distributions by root (empty, or ending in `/`), out of facts by path."""
    found: dict[str, tuple[bool, OsRelease]] = {}
    for path, said in (pair for by_path in facts for pair in by_path.items()):
        root, in_etc = root_of(path, _USR, _ETC), path.endswith(_ETC)
        if root not in found or (in_etc and not found[root][0]):
            values = {**said, "id_like": tuple(said.get("id_like", ()))}
            found[root] = in_etc, OsRelease(**values)
    return {root: release for root, (_, release) in found.items()}


RULES = Cataloger(
    name="os-release",
    version=1,
    types=(),
    read=read,
    paths=(f"**/{_ETC}", f"**/{_USR}"),
)
