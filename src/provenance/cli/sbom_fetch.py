"""`sbom fetch`: the SBOM that somebody signed, proven; or any that lies there, if one insists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provenance.cli.identities import identity, identity_options
from provenance.cli.printing import note
from provenance.cli.proof import evidence_options, trusting
from provenance.cli.sbom_output import put_document, wanted_outputs
from provenance.cli.session import image_argument, platform_option, settings, trust_options

if TYPE_CHECKING:
    from provenance.sbom import Sbom

__all__ = ["fetch"]

_OF_PROOF = {
    "annotations": "-a",
    "insecure_ignore_tlog": "--insecure-ignore-tlog",
    "trusted_root": "--trusted-root",
}
"""Options that say what proves something."""


@click.command()
@image_argument
@identity_options
@evidence_options
@click.option(
    "--unsafe-unverified",
    is_flag=True,
    help="Take one whoever put it there: for looking, not for deciding.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="As what, and where to; repeatable. Else as it is, to stdout.",
)
@trust_options
@platform_option
def fetch(
    image: str,
    *,
    unsafe_unverified: bool,
    outputs: tuple[str, ...],
    platform: str | None,
    **given: Any,
) -> None:
    """Print the SBOM of IMAGE that is signed by whom you name."""
    wanted = wanted_outputs(outputs)
    who = identity(given)
    named = who is not None or bool(given["keys"])
    if named == unsafe_unverified:
        raise click.UsageError(
            "say who must have signed: --certificate-identity with --certificate-oidc-issuer, or "
            "--key; or take any with --unsafe-unverified"
        )
    if unsafe_unverified:
        if ignored := [name for name in _OF_PROOF if given[name]]:
            raise click.UsageError(
                f"--unsafe-unverified proves nothing: leave {_OF_PROOF[ignored[0]]} out"
            )
        from provenance.evidence import unsafe_fetch_sbom

        found = unsafe_fetch_sbom(
            image,
            evidence_repository=given["evidence_repository"],
            platform=platform,
            settings=settings(),
        )
        note("not verified: anyone may have put it there")
    else:
        from provenance.evidence import verify

        found = verify(image, who, require="sbom", platform=platform, **trusting(given)).sbom()
    _put(found, wanted)


def _put(found: Sbom, wanted: Any) -> None:
    if not wanted:
        put_document(found, None)
    for form, file in wanted:
        converted, losses = found.convert(form)
        for loss in losses:
            note(f"{form}: {loss.message}")
        put_document(converted, file)
