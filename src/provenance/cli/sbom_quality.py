"""`sbom quality`: whether a document says what NTIA, CISA or BSI ask for."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import show_json
from provenance.cli.sbom_rows import document_argument, print_rows, read_document, rows_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.sbom.quality import Quality

__all__ = ["quality"]

# As in provenance.sbom.quality.RULE_SETS, without importing it for the help: a test compares.
_RULE_SETS = ("ntia-2021", "cisa-2025", "bsi-tr-03183-2")


@click.command()
@document_argument
@click.option(
    "--rules",
    type=click.Choice(_RULE_SETS),
    default="ntia-2021",
    show_default=True,
    help="NTIA 2021, CISA draft of 2025, BSI TR-03183-2 v2.1.0.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 100),
    metavar="N",
    help="Exit 1 below this score, 0 to 100, instead of for each required rule.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    help="Exit 1 for required rules (error, the default) or any (warning) that is not met.",
)
@click.option("--per-package", is_flag=True, help="A row a package, and its answer to each rule.")
@rows_option
def quality(
    document: str,
    rules: str,
    min_score: float | None,
    fail_on: str | None,
    per_package: bool,  # noqa: FBT001  click passes options by name
    output: str,
) -> int:
    """Measure what DOCUMENT says against a text that asks for it, each rule with its clause.

    `-` reads standard input. Exit status: 0 met; 1 not met; 3 not measured in this format.
    """
    if min_score is not None and isnan(min_score):  # which no range refuses
        raise click.UsageError("--min-score is no number")
    if min_score is not None and fail_on is not None:
        raise click.UsageError("say either --min-score or --fail-on")
    found = read_document(document).quality(rules)
    if output == "json":
        show_json("sbom-quality", **_fields(found, per_package=per_package))
    elif per_package:
        columns, rows = _packages(found, output)
        print_rows(output, "SBOM quality", found.facts(), columns, rows)
    else:
        print_rows(output, "SBOM quality", found.facts(), found.columns, found.rows())
    return 0 if _is_enough(found, min_score, fail_on or "error") else 1


def _packages(found: Quality, output: str) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """A row a package. A terminal has no room for a column a rule: there, what is not met."""
    if output != "text":
        return found.package_columns, [tuple(row.values()) for row in found.per_package()]
    about = ("pointer", "name", "version")
    rows = []
    for row in found.per_package():
        unmet = [f"{k}: {v}" for k, v in row.items() if k not in about and v != "met"]
        rows.append((*(row[key] for key in about), ", ".join(unmet) or "nothing"))
    return (*about, "not met"), rows


def _is_enough(found: Quality, min_score: float | None, fail_on: str) -> bool:
    from provenance.findings import Severity

    if min_score is not None:
        return found.score >= min_score
    if fail_on == "warning":
        return all(f.severity is Severity.INFO for f in found.findings)
    return fail_on == "never" or found.ok


def _fields(found: Quality, *, per_package: bool) -> dict[str, object]:
    fields: dict[str, object] = {
        "rules": found.rules.name,
        "source": found.rules.source,
        "format": found.format,
        "ok": found.ok,
        "score": found.score,
        "results": [
            {
                "rule": r.rule.id,
                "clause": r.rule.clause,
                "title": r.rule.title,
                "required": r.rule.is_required,
                "of": "document" if r.is_of_document else "package",
                "answer": r.answer.value,
                "counts": {answer.value: count for answer, count in r.counts.items()},
                "pointers": list(r.pointers),
            }
            for r in found.results
        ],
    }
    if per_package:
        fields["packages"] = list(found.per_package())
    return fields
