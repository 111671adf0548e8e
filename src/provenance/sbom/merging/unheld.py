"""What a document says and the typed view does not hold: leaf by leaf, told by writing it again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.sbom.carried import PREFIX
from provenance.sbom.converting.rest import is_rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["unheld"]

# What is made anew by whoever writes: identifiers, and what refers to them.
_OWN = frozenset(
    {
        *("$schema", "@context", "bomFormat", "specVersion", "serialNumber", "version@"),
        *("spdxVersion", "SPDXID", "documentNamespace", "dataLicense", "bom-ref", "ref"),
        *("dependsOn", "spdxElementId", "relatedSpdxElement", "documentDescribes", "hasFiles"),
        *("spdxId", "@id", "creationInfo", "from", "to", "element", "rootElement", "subject"),
        *("createdBy", "createdUsing", "created", "timestamp", "creators", "filesAnalyzed"),
        *("licenseListVersion", "packageVerificationCodeValue", "suppliedBy", "originatedBy"),
        *("profileConformance", "acknowledgement", "copyrightText@"),
    }
)
_TELLING = 4
"""Characters of a value that is recognised in another place."""
_NOTHING: tuple[Any, ...] = ("", None, "NOASSERTION", "NONE")


def unheld(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int]:
    """Pointers, with `*` for every position, to how many leaves of `before` `after` has not.

    Args:
        before: a decoded document.
        after: what is written, in the same family of formats, of what was read from it.
    """
    lost = Counter(_leaves(before))
    lost.subtract(_leaves(after))
    elsewhere: Counter[str] = Counter()  # a publisher that is now the supplier, say
    for (_, value), count in lost.items():
        if count < 0 and len(value) >= _TELLING:
            elsewhere[value] -= count
    found: Counter[str] = Counter()
    for (pointer, value), count in lost.items():
        moved = min(max(count, 0), elsewhere[value])
        elsewhere[value] -= moved
        if count > moved:
            found[pointer] += count - moved
    return dict(sorted(found.items()))


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if key in _OWN or (not at and f"{key}@" in _OWN):
                    continue
                # Components in others lie beside them in the view.
                waiting.append((at if at and key == "components" else f"{at}/{key[:100]}", item))
        elif isinstance(value, list):
            where = at if at.endswith("/*") else f"{at}/*"
            waiting += [(_typed(where, item), item) for item in value]
        elif value not in _NOTHING and (
            not str(value).startswith(PREFIX) or is_rest({"comment": value})
        ):
            yield at, str(value)  # what is carried under such a name may be native elsewhere


def _typed(at: str, item: Any) -> str:
    """Elements of an SPDX 3 graph are told apart by what they are."""
    if at == "/@graph/*" and isinstance(item, dict):
        return f"/@graph/{str(item.get('type'))[:60]}"
    return at
