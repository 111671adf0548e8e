"""`AttributeReport`: attributes of software, with evidence. Source: in-toto predicate SCAI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import array, table, text
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.attestation.resource import ResourceDescriptor
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attribute", "AttributeReport"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that is asserted."""

    name: str
    target: ResourceDescriptor | None = None
    """What has it; None: the statement's subjects."""
    conditions: Mapping[str, Any] = field(default_factory=dict, hash=False)
    evidence: ResourceDescriptor | None = None


class AttributeReport(TypedPredicate):
    """Attributes that are asserted together."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("attributes", "producer")
    REQUIRED: ClassVar[tuple[str, ...]] = ("attributes",)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """In the order they are written."""
        return tuple(
            _attribute(item, f"/predicate/attributes/{index}")
            for index, item in enumerate(array(self.raw, "attributes"))
        )

    @property
    def producer(self) -> ResourceDescriptor | None:
        """What made the subjects."""
        found = table(self.raw, "producer")
        return ResourceDescriptor.read(dict(found), "/predicate/producer") if found else None


def _attribute(value: Any, pointer: str) -> Attribute:
    try:
        name, conditions = text(value, "attribute"), table(value, "conditions")
        named = {key: dict(table(value, key)) for key in ("target", "evidence")}
    except MalformedDocument as error:
        inner = error.pointer.removeprefix("/predicate")
        raise MalformedDocument(error.message, pointer=f"{pointer}{inner}") from error
    read = {
        key: ResourceDescriptor.read(found, f"{pointer}/{key}") if found else None
        for key, found in named.items()
    }
    return Attribute(name, read["target"], conditions, read["evidence"])
