"""`sbom licenses`: what a document's packages are licensed under, and whether that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.printing import counted, finding_fields, show_json
from provenance.cli.sbom_rows import document_argument, print_rows, read_document, rows_option

if TYPE_CHECKING:
    from provenance.findings import Report
    from provenance.sbom import Licenses

__all__ = ["licenses"]

_COLUMNS = ("severity", "rule", "message", "where")
_WEIGHT = {"error": 0, "warning": 1, "info": 2}  # what is refused stands first: tables are cut


def _reasons(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    del ctx, param
    found = {}
    for said in value:
        # The qualifiers of a purl have such signs of their own: there the last one counts.
        has_qualifiers = "?" in said.partition("=")[0]
        name, _, reason = said.rpartition("=") if has_qualifiers else said.partition("=")
        if not (name and reason.strip()):
            raise click.BadParameter(f"{said!r}: say PACKAGE=REASON")
        found[name] = reason.strip()
    return found


@click.command()
@document_argument
@click.option("--allow", multiple=True, metavar="LICENSE", help="Only these may be used.")
@click.option("--deny", multiple=True, metavar="LICENSE", help="These may not be used.")
@click.option(
    "--exception",
    "exceptions",
    multiple=True,
    metavar="PACKAGE=REASON",
    callback=_reasons,
    help="A package, by purl or name, that may be used all the same, and why.",
)
@rows_option
def licenses(
    document: str,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    exceptions: dict[str, str],
    output: str,
) -> int:
    """Count the licences in DOCUMENT; with --allow or --deny, say which packages are refused.

    LICENSE is an SPDX identifier, one WITH an exception, or a pattern as `GPL-*`; all options may
    be repeated. `-` reads standard input. Exit status: 0 allowed; 1 refused, as with --allow an
    unknown licence is, too; 3 nothing is denied, but some licences are unknown.
    """
    if not all(entry.strip() for entry in (*allow, *deny)):
        raise click.UsageError("--allow and --deny name a licence: one is empty")
    if exceptions and not (allow or deny):
        raise click.UsageError("--exception is one from --allow or --deny: say either")
    found = read_document(document).licenses
    if not (allow or deny):
        _print_summary(found, output)
        return 0
    report = found.check(allow=allow or None, deny=deny, exceptions=exceptions)
    unknown = [f for f in report if f.rule == "license-unknown"]
    _print_report(found, report, output)
    refused = [f for f in report if f.rule in {"license-denied", "license-not-allowed"}]
    if refused or (unknown and not report.ok):
        return 1
    return 3 if unknown else 0


def _print_summary(found: Licenses, output: str) -> None:
    if output == "json":
        unknown = [{"name": p.name, "version": p.version, "purl": p.purl} for p in found.unknown]
        show_json("sbom-licenses", licenses=found.summary(), unknown=unknown)
        return
    facts = {"licences": len(found), "unknown": counted(len(found.unknown), "package")}
    print_rows(output, "Licences", facts, found.columns, found.rows())


def _print_report(found: Licenses, report: Report, output: str) -> None:
    ordered = sorted(report, key=lambda f: _WEIGHT[f.severity.value])
    rows = [(f.severity.value, f.rule, f.message, f.pointer) for f in ordered]
    if output == "json":
        findings = [finding_fields(f) for f in ordered]
        show_json("sbom-licenses-check", ok=report.ok, licenses=found.summary(), findings=findings)
        return
    refused = sum(f.severity.value == "error" for f in report)
    facts = {"licences": len(found), "refused": counted(refused, "package")}
    print_rows(output, "Licences", facts, _COLUMNS, rows)
