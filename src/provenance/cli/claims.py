"""`sign`, `attest`, `attach`: put things beside an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.printing import echo, show_json
from provenance.cli.session import (
    image_argument,
    output_option,
    platform_option,
    settings,
)
from provenance.cli.signers import signer, signer_options
from provenance.cli.streams import standard_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
    from provenance.evidence import Stored

__all__ = ["attach", "attest", "sign"]


def _writing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--layout",
            type=click.Choice(["bundle", "legacy", "both"]),
            default="bundle",
            show_default=True,
            help="legacy: the tags that cosign before version 3 reads.",
        ),
        click.option(
            *("-a", "--annotation", "--annotations", "annotation"),
            multiple=True,
            metavar="KEY=VALUE",
            help="Said along with it.",
        ),
        click.option(
            "--evidence-repository",
            metavar="REPOSITORY",
            help="Write there, and not beside the image; else COSIGN_REPOSITORY.",
        ),
        click.option(
            "--reuse", is_flag=True, help="Keep an equal one of yours that is there and verifies."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _writing(given: Mapping[str, Any]) -> dict[str, Any]:
    """The library's arguments that signing and attesting share."""
    return {
        "layout": given["layout"],
        "annotations": _pairs(given["annotation"]),
        "evidence_repository": given["evidence_repository"],
        "platform": given["platform"],
        "reuse": given["reuse"],
        "settings": settings(),
    }


def _fields(stored: Stored) -> dict[str, Any]:
    return {
        "reference": str(stored.reference),
        "digest": stored.digest,
        "kind": stored.kind,
        "placement": str(stored.placement),
        "reused": stored.reused,
        "subject": stored.subject,
        "document": _fields(stored.document) if stored.document is not None else None,
    }


def _print(stored: tuple[Stored, ...], output: str) -> None:
    """What was written; the last one is about the image that was named."""
    *others, last = stored
    if output == "json":
        show_json("stored", **_fields(last), also=[_fields(other) for other in others])
        return
    for one in stored:
        echo(one.reference)


def _write(write: Callable[[], Stored], output: str) -> None:
    """Write, and print what was written even if that is not all."""
    from provenance.errors import PartlyStored

    try:
        stored = write()
    except PartlyStored as error:
        _print(error.stored, output)
        raise
    _print(stored.everything, output)


@click.command()
@image_argument
@signer_options
@_writing_options
@click.option(
    "-r", "--recursive", is_flag=True, help="Of an index, sign everything in it too, it last."
)
@platform_option
@output_option
def sign(image: str, output: str, *, recursive: bool, **given: Any) -> None:
    """Sign IMAGE and store the signature beside it."""
    from provenance.evidence import sign as sign_image

    who, writing = signer(given), _writing(given)
    _write(lambda: sign_image(image, who, recursive=recursive, **writing), output)


@click.command()
@image_argument
@signer_options
@_writing_options
@click.option("--predicate", metavar="FILE", help="What to attest; `-`: standard input.")
@click.option(
    "--build-provenance",
    is_flag=True,
    help="Instead: the job of GitHub Actions or GitLab that runs, as SLSA provenance.",
)
@click.option("--builder-id", metavar="URI", help="With it: a reusable workflow's own URI.")
@click.option(
    "--type",
    "predicate_type",
    help="A URI, or a name: slsaprovenance1, spdx, spdxjson, cyclonedx, vuln, openvex, link, "
    "custom, ... An SBOM needs none.",
)
@platform_option
@output_option
def attest(
    image: str,
    output: str,
    *,
    predicate: str | None,
    predicate_type: str | None,
    build_provenance: bool,
    builder_id: str | None,
    **given: Any,
) -> None:
    """Say what FILE says about IMAGE, signed. An SBOM knows its own type."""
    from provenance.evidence import attest as attest_image

    if build_provenance == (predicate is not None):
        raise click.UsageError("say what to attest: --predicate or --build-provenance, one of them")
    if not build_provenance and builder_id is not None:
        raise click.UsageError("--builder-id goes with --build-provenance")
    if build_provenance and predicate_type is not None:
        raise click.UsageError("--build-provenance knows its type: leave --type out")
    said = _job(builder_id) if predicate is None else _file(predicate)
    who, writing = signer(given), _writing(given)
    _write(
        lambda: attest_image(image, said, who, predicate_type=predicate_type, **writing),
        output,
    )


def _job(builder: str | None) -> SlsaProvenance:
    from provenance.attestation import slsa_provenance

    return slsa_provenance(builder=builder)


def _file(name: str) -> bytes | Path:
    from provenance.settings import Limits

    # A byte more than is taken tells whoever reads it that it is too much.
    return standard_input(Limits().document_bytes) if name == "-" else Path(name)


def _media_type(_context: click.Context, _option: click.Parameter, text: str) -> str:
    from provenance.oci.media_types import is_media_type

    if not is_media_type(text):
        raise click.BadParameter(f"{text!r} is no media type: write it as type/subtype")
    return text


@click.command()
@image_argument
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--artifact-type", required=True, callback=_media_type, help="E.g. application/sarif+json."
)
@click.option("-a", "--annotation", multiple=True, metavar="KEY=VALUE", help="Of the manifest.")
@platform_option
@output_option
def attach(
    image: str,
    paths: tuple[str, ...],
    artifact_type: str,
    annotation: tuple[str, ...],
    platform: str | None,
    output: str,
) -> None:
    """Store PATHS beside IMAGE as one referrer, unsigned."""
    from provenance.evidence import attach as attach_files

    stored = attach_files(
        image,
        *paths,
        artifact_type=artifact_type,
        annotations=_pairs(annotation),
        platform=platform,
        settings=settings(),
    )
    _print((stored,), output)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.BadParameter("write it as KEY=VALUE", param_hint="-a")
    return {key: value for key, _, value in pairs}
