"""`Link`: one step of a supply chain. Source: in-toto predicate `link` 0.3; in-toto 0.9 links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import (
    array,
    resources,
    table,
    text,
    text_table,
    texts,
    value_at,
)
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.attestation.resource import ResourceDescriptor

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Link"]


class Link(TypedPredicate):
    """A step: what went in, what was run. The old form names its products too."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = (
        "name",
        "command",
        "materials",
        "products",
        "byproducts",
        "environment",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)

    @property
    def name(self) -> str:
        """Of the step."""
        return text(self.raw, "name")

    @property
    def command(self) -> tuple[str, ...]:
        """What was run. Version 0.2 wrote one string."""
        found = value_at(self.raw, "command")
        return (found,) if isinstance(found, str) else texts(self.raw, "command")

    @property
    def materials(self) -> tuple[ResourceDescriptor, ...]:
        """What went in."""
        return self._artifacts("materials")

    @property
    def products(self) -> tuple[ResourceDescriptor, ...]:
        """What came out, in the old form; the new one has the statement's subjects."""
        return self._artifacts("products")

    @property
    def byproducts(self) -> Mapping[str, Any]:
        """Output, return value, and whatever else."""
        return table(self.raw, "byproducts")

    @property
    def environment(self) -> Mapping[str, Any]:
        """Where it ran."""
        return table(self.raw, "environment")

    def _artifacts(self, field: str) -> tuple[ResourceDescriptor, ...]:
        """An array of descriptors, or the old table of names to digests."""
        if not isinstance(value_at(self.raw, field), dict):
            return resources(self.raw, field) if array(self.raw, field) else ()
        return tuple(
            ResourceDescriptor(name, text_table(self.raw, field, name))
            for name in table(self.raw, field)
        )
