"""`RuntimeTrace`: what a step did while it ran. Source: in-toto predicate `runtime-trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import array, moment, resources, table, text
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from provenance.attestation.resource import ResourceDescriptor

__all__ = ["RuntimeTrace"]


class RuntimeTrace(TypedPredicate):
    """What was seen while a step ran."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = (
        "monitor_type",
        "host_id",
        "process_type",
        "event",
        "policy",
        "processes",
        "network",
        "files",
        "started",
        "finished",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("monitor_type", "host_id", "process_type", "event")

    @property
    def monitor_type(self) -> str:
        """Which monitor watched: a URI."""
        return text(self.raw, "monitor", "type")

    @property
    def host_id(self) -> str:
        """Where: a URI."""
        return text(self.raw, "monitoredProcess", "hostID")

    @property
    def process_type(self) -> str:
        """What kind of step: a URI, for a build its build type."""
        return text(self.raw, "monitoredProcess", "type")

    @property
    def event(self) -> str:
        """Which run."""
        return text(self.raw, "monitoredProcess", "event")

    @property
    def policy(self) -> Mapping[str, Any]:
        """What was traced; in the monitor's own form."""
        return table(self.raw, "monitor", "tracePolicy")

    @property
    def processes(self) -> tuple[Any, ...]:
        """In the monitor's own form."""
        return array(self.raw, "monitorLog", "process")

    @property
    def network(self) -> tuple[Any, ...]:
        """Connections; since version 0.2 with `ip`, `hostname`, `port`, `protocol`."""
        return array(self.raw, "monitorLog", "network")

    @property
    def files(self) -> tuple[ResourceDescriptor, ...]:
        """Files that were opened."""
        return resources(self.raw, "monitorLog", "fileAccess")

    @property
    def started(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, "metadata", "buildStartedOn")

    @property
    def finished(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, "metadata", "buildFinishedOn")
