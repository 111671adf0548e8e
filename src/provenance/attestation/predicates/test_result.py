"""`TestResult`: how a run of tests ended. Source: in-toto predicate `test-result` 0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from provenance.attestation.predicates.fields import resources, text, texts
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    from provenance.attestation.resource import ResourceDescriptor

__all__ = ["TestResult"]


class TestResult(TypedPredicate):
    """How a run of tests ended."""

    __slots__ = ()
    __test__: ClassVar[bool] = False
    """Not a class of tests, whatever a test runner thinks of its name."""
    FIELDS: ClassVar[tuple[str, ...]] = (
        "result",
        "configuration",
        "url",
        "passed_tests",
        "warned_tests",
        "failed_tests",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("result", "configuration")

    @property
    def result(self) -> str:
        """`PASSED`, `WARNED` or `FAILED`."""
        return text(self.raw, "result")

    @property
    def passed(self) -> bool:
        """Whether the result is exactly `PASSED`, and no test is listed as failed."""
        return self.result == "PASSED" and not self.failed_tests

    @property
    def configuration(self) -> tuple[ResourceDescriptor, ...]:
        """What the run was configured by."""
        return resources(self.raw, "configuration")

    @property
    def url(self) -> str:
        """Of the run."""
        return text(self.raw, "url")

    @property
    def passed_tests(self) -> tuple[str, ...]:
        """Names."""
        return texts(self.raw, "passedTests")

    @property
    def warned_tests(self) -> tuple[str, ...]:
        """Names."""
        return texts(self.raw, "warnedTests")

    @property
    def failed_tests(self) -> tuple[str, ...]:
        """Names."""
        return texts(self.raw, "failedTests")
