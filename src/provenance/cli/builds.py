"""What SLSA provenance must say, in slsa-verifier's options, and the library's arguments for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from provenance.verification import Provenance

__all__ = ["build_options", "expected_build", "in_json", "in_text"]

F = TypeVar("F", bound=Callable[..., Any])

_TEXTS = {
    "source_uri": ("source", "REPOSITORY", "What was built, e.g. github.com/org/app."),
    "source_ref": ("ref", "REF", "Of it, e.g. refs/heads/main."),
    "source_branch": ("branch", "NAME", "The same, by name."),
    "source_tag": ("tag", "NAME", "The same, by name."),
    "source_versioned_tag": ("versioned_tag", "vN[.N[.N]]", "A tag of that version."),
    "source_commit": ("commit", "HEX", "The commit, in full."),
    "builder_id": ("builder", "ID", "Who built it, with or without @REF."),
    "build_type": ("build_type", "URI", "How it was built."),
}
"""Option, argument of `check_provenance`, and help."""


def build_options(command: F) -> F:
    """`--source-…`, `--builder-id`, …; `expected_build` takes what they give."""
    options = [
        click.option(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
        for name, (_, metavar, text) in _TEXTS.items()
    ]
    options += [
        click.option(
            "--build-workflow-input",
            "workflow_inputs",
            multiple=True,
            metavar="NAME=VALUE",
            help="What was typed to start the build by hand; repeatable.",
        ),
        click.option(
            "--deny-self-hosted-runners",
            is_flag=True,
            help="It must have been built on a machine of the platform's.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def expected_build(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments for `Verified.provenance`; empty: nothing was asked of the build.

    Takes its options out of `given`. Raises UsageError for an input that is none.
    """
    asked: dict[str, Any] = {}
    for name, (argument, _, _) in _TEXTS.items():
        if (value := given.pop(name)) is not None:
            asked[argument] = value
    inputs: dict[str, str] = {}
    for text in given.pop("workflow_inputs"):
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{text!r} is no input: write NAME=VALUE")
        inputs[name] = value
    if inputs:
        asked["workflow_inputs"] = inputs
    if given.pop("deny_self_hosted_runners"):
        asked["deny_self_hosted_runners"] = True
    return asked


def in_text(built: Provenance) -> Iterator[str]:
    """What is shown of a build, a line each; and what of it the signer alone says."""
    certified = {check.field for check in built.checks if check.where == "certificate"}
    shown = {
        "builder": ("built by", built.builder_id),
        "source": ("  of", built.source_uri),
        "ref": ("  at", built.ref),
        "commit": ("  at", built.commit),
    }
    for field, (word, value) in shown.items():
        if value:
            own = "" if field in certified else " (the signer's word alone)"
            yield f"{word} {value}{own}"


def in_json(built: Provenance) -> dict[str, Any]:
    """What `-o json` says of a build."""
    return {
        "builder_id": built.builder_id,
        "build_type": built.build_type,
        "source_uri": built.source_uri,
        "ref": built.ref,
        "commit": built.commit,
        "checks": [
            {"field": check.field, "value": check.value, "where": check.where}
            for check in built.checks
        ],
    }
