"""`sign`, `attest`, `attach`: put things beside an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.printing import echo, show_json
from provenance.cli.session import (
    image_argument,
    output_option,
    platform_option,
    settings,
    trust,
    trust_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.evidence import Stored
    from provenance.signing import Signer

__all__ = ["attach", "attest", "sign"]


def _signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--identity-token",
            metavar="TOKEN|FILE",
            help="OIDC token; else SIGSTORE_ID_TOKEN, the CI system's, or a browser.",
        ),
        click.option(
            "--signing-config",
            type=click.Path(exists=True, dir_okay=False),
            help="Where to sign, with --trusted-root.",
        ),
        click.option("-y", "--yes", is_flag=True, help="Accepted for cosign's users; no prompts."),
    ):
        command = option(command)
    return trust_options(command)


def _signer(
    trusted_root: str | None, signing_config: str | None, identity_token: str | None
) -> Signer:
    from provenance.signing import Signer

    token = identity_token
    if token is not None and len(token) < 4096 and Path(token).is_file():
        token = Path(token).read_text("utf-8").strip()
    return Signer.keyless(
        trust=trust(trusted_root, signing_config), identity_token=token, settings=settings()
    )


def _print(stored: Stored, output: str) -> None:
    if output == "json":
        show_json(
            "stored",
            reference=str(stored.reference),
            digest=stored.digest,
            kind=stored.kind,
            placement=str(stored.placement),
            reused=stored.reused,
        )
        return
    echo(stored.reference)


@click.command()
@image_argument
@_signing_options
@click.option("-a", "--annotation", multiple=True, metavar="KEY=VALUE", help="Said along with it.")
@click.option("--reuse", is_flag=True, help="Keep a signature of yours that is there and verifies.")
@platform_option
@output_option
def sign(
    image: str,
    trusted_root: str | None,
    signing_config: str | None,
    identity_token: str | None,
    yes: bool,  # noqa: ARG001, FBT001 - nothing is asked here
    annotation: tuple[str, ...],
    reuse: bool,  # noqa: FBT001 - click passes flags so
    platform: str | None,
    output: str,
) -> None:
    """Sign IMAGE and store the signature beside it."""
    from provenance.evidence import sign as sign_image

    stored = sign_image(
        image,
        _signer(trusted_root, signing_config, identity_token),
        annotations=_pairs(annotation),
        platform=platform,
        reuse=reuse,
        settings=settings(),
    )
    _print(stored, output)


@click.command()
@image_argument
@_signing_options
@click.option("--predicate", required=True, metavar="FILE", help="JSON to attest.")
@click.option("--type", "predicate_type", help="A URI, or a name: slsaprovenance1, spdxjson, ...")
@click.option(
    "--reuse", is_flag=True, help="Keep an equal one of yours that is there and verifies."
)
@platform_option
@output_option
def attest(
    image: str,
    trusted_root: str | None,
    signing_config: str | None,
    identity_token: str | None,
    yes: bool,  # noqa: ARG001, FBT001 - nothing is asked here
    predicate: str,
    predicate_type: str | None,
    reuse: bool,  # noqa: FBT001 - click passes flags so
    platform: str | None,
    output: str,
) -> None:
    """Say what FILE says about IMAGE, signed. An SBOM knows its own type."""
    from provenance.evidence import attest as attest_image

    stored = attest_image(
        image,
        _predicate(Path(predicate), predicate_type),
        _signer(trusted_root, signing_config, identity_token),
        predicate_type=predicate_type,
        platform=platform,
        reuse=reuse,
        settings=settings(),
    )
    _print(stored, output)


def _predicate(path: Path, predicate_type: str | None) -> Any:
    """An SBOM where it is one, else a JSON object."""
    from provenance.errors import MalformedDocument, NotFound, UnsupportedFormat
    from provenance.sbom import read_sbom

    try:
        return read_sbom(path)
    except UnsupportedFormat:
        if predicate_type is None:
            raise
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise NotFound(f"{path} cannot be read", hint="check the path") from error
    except ValueError as error:
        raise MalformedDocument(f"{path} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedDocument(f"{path} is no JSON object")
    return document


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
    _print(stored, output)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.BadParameter("write it as KEY=VALUE", param_hint="-a")
    return {key: value for key, _, value in pairs}
