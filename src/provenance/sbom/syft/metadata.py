"""What syft keeps of each ecosystem's own record, as far as the view has a place for it.

Source: the metadata types of syft's JSON schema. A key means the same wherever it occurs, so one
table serves all types; the first key of a row that holds text is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fields_of"]

_TEXTS = {
    "description": ("description", "summary"),
    "homepage": ("homepage", "homePage", "url", "projectUrl"),
    "supplier": ("maintainer", "vendor", "packager", "publisher"),
    "author": ("author",),
    "architecture": ("architecture", "arch"),
    "source": ("originPackage", "source"),
    "source_version": ("sourceVersion",),
}
_LISTS = {
    "depends": ("pullDependencies", "depends", "requires"),
    "provides": ("provides",),
}


def fields_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `Package`, of which the record says something."""
    out: dict[str, Any] = {}
    for field, keys in _TEXTS.items():
        for key in keys:
            value = metadata.get(key)
            if isinstance(value, str) and value:
                out[field] = value
                break
    for field, keys in _LISTS.items():
        for key in keys:
            value = metadata.get(key)
            if isinstance(value, list):
                out[field] = tuple(x for x in value if isinstance(x, str))
                break
    digests = metadata.get("digest")
    if isinstance(digests, list):  # of Java archives
        out["hashes"] = {
            item["algorithm"].lower().replace("-", ""): item["value"]
            for item in digests
            if isinstance(item, dict)
            and isinstance(item.get("algorithm"), str)
            and isinstance(item.get("value"), str)
        }
    return out
