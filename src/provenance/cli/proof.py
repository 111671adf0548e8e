"""`verify`, `examine`, `pull`: what is proven, what is there, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provenance.cli.printing import echo, show, show_json
from provenance.cli.session import (
    image_argument,
    output_option,
    platform_option,
    settings,
    trust,
    trust_options,
)
from provenance.errors import ProvenanceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.evidence import Verified
    from provenance.verification import Identity

__all__ = ["examine", "pull", "verify"]


def _identity_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--certificate-identity", metavar="NAME", help="Who must have signed."),
        click.option(
            "--certificate-identity-regexp", metavar="PATTERN", help="The same, matched in full."
        ),
        click.option("--certificate-oidc-issuer", metavar="URL", help="Who vouches for the name."),
    ):
        command = option(command)
    return trust_options(command)


def _identity(exact: str | None, pattern: str | None, issuer: str | None) -> Identity | None:
    from provenance.verification import Identity

    if exact and pattern:
        raise click.UsageError("--certificate-identity and --certificate-identity-regexp: one only")
    if not exact and not pattern:
        if issuer:
            raise click.UsageError("--certificate-oidc-issuer needs --certificate-identity")
        return None
    if not issuer:
        raise click.UsageError("a name needs who vouches for it: --certificate-oidc-issuer")
    try:
        return (
            Identity.regexp(pattern, issuer=issuer)
            if pattern
            else Identity(exact or "", issuer=issuer)
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@_identity_options
@click.option("--key", metavar="FILE", help="Verify by key; not built yet.")
@click.option("--type", "require", default="signature", help="Or sbom, slsaprovenance, a URI, any.")
@platform_option
@output_option
def verify(
    images: tuple[str, ...],
    trusted_root: str | None,
    certificate_identity: str | None,
    certificate_identity_regexp: str | None,
    certificate_oidc_issuer: str | None,
    key: str | None,
    require: str,
    platform: str | None,
    output: str,
) -> int:
    """Prove who signed each IMAGE. Of several, the worst decides: 1 over 3 over 0."""
    from provenance.cli.main import exit_status, report
    from provenance.evidence import verify as verify_image

    identity = _identity(certificate_identity, certificate_identity_regexp, certificate_oidc_issuer)
    if (identity is None) == (key is None):
        raise click.UsageError(
            "say who must have signed: --certificate-identity with --certificate-oidc-issuer"
        )
    root = trust(trusted_root)
    statuses, results = [0], []
    for image in images:
        try:
            verified = verify_image(
                image,
                identity,
                key=key,
                require=require,
                trust=root,
                platform=platform,
                settings=settings(),
            )
        except ProvenanceError as error:
            if len(images) == 1 and output == "text":
                raise
            report(error)
            statuses.append(exit_status(error))
            results.append({"image": image, "error": error.code, "message": str(error)})
            continue
        results.append(_as_json(image, verified))
        if output == "text":
            _show(verified)
    if output == "json":
        show_json("verify", results=results)
    return 1 if 1 in statuses else max(statuses)


def _show(verified: Verified) -> None:
    from provenance.display.terminal import grid

    echo(verified.reference)
    columns = ("kind", "signed by", "issuer", "time (UTC)", "log index", "placement")
    rows = [
        (
            p.kind,
            p.identity,
            p.issuer,
            f"{p.time:%Y-%m-%d %H:%M:%S}" if p.time else "not proven",
            p.log_index,
            p.placement,
        )
        for p in verified.proofs
    ]
    show(grid(columns, rows))
    for failure in verified.failures:
        click.echo(f"note: not complete: {failure}", err=True)


def _as_json(image: str, verified: Verified) -> dict[str, Any]:
    return {
        "image": image,
        "reference": str(verified.reference),
        "complete": verified.complete,
        "failures": [str(f) for f in verified.failures],
        "proofs": [
            {
                "kind": p.kind,
                "predicate_type": p.predicate_type,
                "identity": p.identity,
                "issuer": p.issuer,
                "time": p.time.isoformat() if p.time else None,
                "log_index": p.log_index,
                "placement": str(p.placement),
                "digest": p.descriptor.digest,
                "predicate": p.predicate,
            }
            for p in verified.proofs
        ],
    }


@click.command()
@image_argument
@_identity_options
@platform_option
@output_option
def examine(
    image: str,
    trusted_root: str | None,
    certificate_identity: str | None,
    certificate_identity_regexp: str | None,
    certificate_oidc_issuer: str | None,
    platform: str | None,
    output: str,
) -> int:
    """Everything beside IMAGE, and why it counts or not. Status 0 only if something counts."""
    from provenance.evidence import examine as examine_image
    from provenance.findings import Outcome

    identity = _identity(certificate_identity, certificate_identity_regexp, certificate_oidc_issuer)
    found = examine_image(
        image, identity, trust=trust(trusted_root), platform=platform, settings=settings()
    )
    if output == "json":
        show_json(
            "examine",
            reference=str(found.reference),
            outcome=found.outcome.value,
            complete=found.complete,
            evidence=[
                {
                    "kind": e.kind,
                    "outcome": e.outcome.value,
                    "reason": e.reason,
                    "step": e.step,
                    "digest": e.descriptor.digest,
                    "placement": str(e.placement),
                }
                for e in found
            ],
            lookups=[
                {"placement": x.placement, "error": str(x.error) if x.error else None}
                for x in found.lookups
            ],
        )
    else:
        for line in found.explain().splitlines():
            echo(line)
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
