"""`sbom validate`: whether a document is what its specification says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import counted, finding_fields, show_json
from provenance.cli.sbom_rows import document_argument, print_rows, read_document, rows_option

if TYPE_CHECKING:
    from provenance.findings import Report

__all__ = ["validate"]

_COLUMNS = ("severity", "rule", "message", "where")


@click.command()
@document_argument
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="Exit 1 for what the schema refuses (error), for anything found (warning), or not at all.",
)
@rows_option
def validate(document: str, fail_on: str, output: str) -> int:
    """Check DOCUMENT against its official schema, offline, and for what contradicts itself.

    `-` reads standard input. Exit status: 0 valid; 1 not valid; 3 no schema, or not read.
    """
    sbom = read_document(document)
    report = sbom.validate()
    if output == "json":
        show_json(
            "sbom-validate",
            format=sbom.format.value,
            ok=report.ok,
            findings=[finding_fields(f) for f in report],
        )
    else:
        facts = {"document": document, "format": sbom.format.value, "valid": _verdict(report)}
        rows = [(f.severity.value, f.rule, f.message, f.pointer) for f in report]
        print_rows(output, "SBOM validation", facts, _COLUMNS, rows)
    if fail_on == "warning":
        return int(bool(len(report)))
    return int(fail_on == "error" and not report.ok)


def _verdict(report: Report) -> str:
    counts = Counter(f.severity.value for f in report)
    said = ", ".join(counted(count, severity) for severity, count in sorted(counts.items()))
    return f"{'yes' if report.ok else 'no'}{f', {said}' if said else ''}"
