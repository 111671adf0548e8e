"""Where packages were seen, as CycloneDX says it before 1.5, which has no occurrences."""

from __future__ import annotations

from typing import Any

from provenance.sbom.carried import PREFIX
from provenance.sbom.cyclonedx.older import components_of
from provenance.sbom.items import items, text

__all__ = ["say_places"]


def say_places(document: dict[str, Any]) -> None:
    """Say the places of every component by properties, in place."""
    for component in components_of(document):
        evidence = component.get("evidence")
        listed = items(evidence.get("occurrences")) if isinstance(evidence, dict) else []
        said = items(component.get("properties"))
        names = {text(x, "name") for x in said}
        more = [
            {"name": name, "value": text(place, "location")}
            for number, place in enumerate(listed)
            if (name := f"{PREFIX}location:{number}:path") not in names
        ]
        if more:
            component["properties"] = [*said, *more]
