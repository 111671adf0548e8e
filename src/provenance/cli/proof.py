"""`verify`, `examine`, `pull`: what is proven, what is there, and its files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.builds import build_options, expected_build, in_json, in_text
from provenance.cli.identities import identity, identity_options
from provenance.cli.printing import echo, note, show, show_json
from provenance.cli.session import (
    image_argument,
    output_option,
    platform_option,
    settings,
    trust,
    trust_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.errors import ProvenanceError
    from provenance.evidence import Answer, Verified
    from provenance.verification import Provenance

__all__ = ["evidence_options", "examine", "pull", "trusting", "verify"]

F = TypeVar("F", bound=Callable[..., Any])


def evidence_options(command: F) -> F:
    """`--key`, `-a` and what else says which evidence counts; `trusting` takes what they give."""
    for option in (
        click.option(
            "--evidence-repository",
            metavar="REPOSITORY",
            help="Where signatures lie, if not beside the image; else COSIGN_REPOSITORY.",
        ),
        click.option(
            "--insecure-ignore-tlog",
            is_flag=True,
            help="Count signatures that no transparency log has.",
        ),
        click.option(
            "-a",
            "--annotations",
            multiple=True,
            metavar="NAME=VALUE",
            help="What must have been said along with it; repeatable.",
        ),
        click.option(
            "--key",
            "keys",
            multiple=True,
            metavar="FILE|URI",
            help="Which key must have signed; of several any.",
        ),
    ):
        command = option(command)
    return command


def trusting(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as arguments of the library."""
    said: dict[str, str] = {}
    for text in given["annotations"]:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{text!r} is no annotation: write NAME=VALUE")
        said[name] = value
    return {
        "key": list(given["keys"]) or None,
        "annotations": said or None,
        "unsafe_no_log": given["insecure_ignore_tlog"],
        "evidence_repository": given["evidence_repository"],
        "trust": trust(given["trusted_root"]),
        "settings": settings(),
    }


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@identity_options
@evidence_options
@click.option("--type", "require", default="signature", help="Or sbom, slsaprovenance, a URI, any.")
@click.option(
    "--threshold",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="How many different signers are wanted.",
)
@click.option(
    "--local-image", is_flag=True, help="IMAGE is a folder, as cosign save writes it: oci:IMAGE."
)
@click.option(
    "--max-workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many images are verified at a time.",
)
@build_options
@trust_options
@platform_option
@output_option
def verify(
    images: tuple[str, ...],
    *,
    require: str,
    threshold: int,
    local_image: bool,
    max_workers: int | None,
    platform: str | None,
    output: str,
    **given: Any,
) -> int:
    """Prove who signed each IMAGE. Of several, the worst decides: 1 over 3 over 0.

    What is asked of the build is looked for in signed SLSA provenance, and held to its certificate.
    """
    from provenance.evidence import verify_all

    who, build = identity(given), expected_build(given)
    if build and require == "signature":
        require = "slsa-provenance"
    if (who is None) == (not given["keys"]):
        raise click.UsageError(
            "say who must have signed: --certificate-identity with --certificate-oidc-issuer, "
            "or --key; not both"
        )
    named = [f"oci:{image}" for image in images] if local_image else list(images)
    try:
        answers = verify_all(
            named,
            who,
            require=require,
            threshold=threshold,
            everywhere=bool(build),  # of several builds, any may be the one that was asked for
            platform=platform,
            workers=max_workers,
            **trusting(given),
        )
    except ValueError as error:  # a type that is none
        raise click.UsageError(str(error)) from error
    return _told(_in_order(answers), build, output, alone=len(named) == 1)


def _in_order(answers: Iterator[Answer]) -> Iterator[Answer]:
    """As the images were given, each as soon as those before it are known."""
    early: dict[int, Answer] = {}
    following = 0
    for answer in answers:
        early[answer.index] = answer
        while following in early:
            yield early.pop(following)
            following += 1


def _told(answers: Iterator[Answer], build: dict[str, Any], output: str, *, alone: bool) -> int:
    """Print each answer; the exit status of the worst."""
    from provenance.cli.main import exit_status, report

    statuses, results = {0}, []
    for answer in answers:
        image = {"image": str(answer.image)}
        verified, built, error = _held(answer, build)
        if verified is not None:
            shown = {} if built is None else {"provenance": in_json(built)}
            if output == "text":  # nothing is kept of it, however many there are
                _show(verified, built)
            else:
                results.append({**image, **verified.to_dict(), **shown})
        elif error is not None:
            if alone and output == "text":
                raise error
            report(error)
            statuses.add(exit_status(error))
            results.append({**image, **_as_json(error)})
    if output == "json":
        show_json("verify", results=results)
    return 1 if 1 in statuses else max(statuses)


def _held(
    answer: Answer, build: dict[str, Any]
) -> tuple[Verified | None, Provenance | None, ProvenanceError | None]:
    """What is proven, with the build that was asked for; or why not."""
    from provenance.errors import ProvenanceError

    try:
        verified = answer.require()
        return verified, verified.provenance(**build) if build else None, None
    except ProvenanceError as error:
        return None, None, error
    except ValueError as error:  # an expectation that is none
        raise click.UsageError(str(error)) from error


def _as_json(error: ProvenanceError) -> dict[str, Any]:
    reasons = list(getattr(error, "reasons", ()))
    return {"error": error.code, "message": str(error), "reasons": reasons}


def _show(verified: Verified, built: Provenance | None) -> None:
    echo(verified.reference)
    if built is not None:
        for line in in_text(built):
            echo(f"  {line}")
    for proof in verified.proofs:
        echo(f"  {proof.kind} signed by {proof.signer}")
        when = f"{proof.time:%Y-%m-%d %H:%M:%S} UTC" if proof.time else "a time that is not proven"
        logs = ", ".join(f"log index {e.index} ({e.log})" for e in proof.log_entries)
        echo(f"    at {when}, {logs or 'in no log'}")
        echo(f"    by {proof.placement}")
        for warning in proof.warnings:
            note(warning)
        if not proof.log_entries:
            note("no transparency log has this signature")
    for failure in verified.failures:
        note(f"not complete: {failure}")


@click.command()
@image_argument
@identity_options
@evidence_options
@trust_options
@platform_option
@output_option
def examine(image: str, *, platform: str | None, output: str, **given: Any) -> int:
    """Everything beside IMAGE, and why it counts or not. Status 0 only if something counts.

    With neither an identity nor a key, whatever is valid counts: read by whom.
    """
    from provenance.evidence import examine as examine_image
    from provenance.findings import Outcome

    who = identity(given)
    if who is not None and given["keys"]:
        raise click.UsageError("--certificate-identity and --key: one only")
    found = examine_image(image, who, platform=platform, **trusting(given))
    if output == "json":
        show_json("examine", **found.to_dict())
    else:
        show(found)
    return {Outcome.PROVEN: 0, Outcome.UNKNOWN: 3}.get(found.outcome, 1)


@click.command()
@click.argument("artifact")
@click.option("-o", "--output", "folder", default=".", metavar="DIR", help="Where to.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def pull(artifact: str, folder: str, overwrite: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Write the files of ARTIFACT (a reference with its digest) below a folder."""
    from provenance.evidence import pull as pull_artifact

    for path in pull_artifact(artifact, folder, overwrite=overwrite, settings=settings()):
        echo(path)
