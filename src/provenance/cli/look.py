"""`resolve`, `inspect`, `ls`, `tree`: what an image is, and what lies around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provenance.cli.printing import echo, note, show, show_json
from provenance.cli.session import image_argument, output_option, platform_option, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.evidence import Node
    from provenance.image import Image

__all__ = ["inspect", "ls", "resolve", "tree"]


@click.command()
@image_argument
@platform_option
@output_option
def resolve(image: str, platform: str | None, output: str) -> None:
    """Pin IMAGE to its digest and print it."""
    from provenance.image import resolve as resolve_image

    found = resolve_image(image, platform=platform, settings=settings())
    media_type, size = found.media_type, found.size  # of a digest, this asks whether it is there
    if output == "json":
        show_json(
            "resolve",
            reference=str(found.reference),
            tag=found.tag,
            digest=found.digest,
            media_type=media_type,
            size=size,
        )
    else:
        echo(found.reference)


@click.command()
@image_argument
@platform_option
@output_option
def inspect(image: str, platform: str | None, output: str) -> None:
    """Show the config and layers of IMAGE, or the platforms of an index."""
    from provenance.image import resolve as resolve_image

    found = resolve_image(image, platform=platform, settings=settings())
    if found.is_index:
        _show_index(found, output)
    else:
        _show_image(found, output)


def _show_index(found: Image, output: str) -> None:
    platforms = [str(p) for p in found.platforms]
    if output == "json":
        show_json("inspect", reference=str(found.reference), platforms=platforms)
        return
    echo(found.reference)
    for name in platforms:
        echo(f"  {name}")


def _show_image(found: Image, output: str) -> None:
    config = found.config
    layers = [
        {
            "digest": layer.digest,
            "size": layer.size,
            "media_type": layer.media_type,
            "created_by": layer.created_by,
        }
        for layer in found.layers
    ]
    facts: dict[str, Any] = {
        "reference": str(found.reference),
        "platform": f"{config.os}/{config.architecture}",
        "created": config.created.isoformat() if config.created else None,
        "user": config.user,
        "entrypoint": list(config.entrypoint),
        "command": list(config.cmd),
        "env": [f"{name}={value}" for name, value in config.env.items()],
        "labels": dict(config.labels),
    }
    if output == "json":
        show_json("inspect", **facts, layers=layers)
        return
    from provenance.display.terminal import facts as facts_table
    from provenance.display.terminal import grid

    shown = {k: ", ".join(v) if isinstance(v, list) else v for k, v in facts.items() if v}
    shown["labels"] = ", ".join(f"{k}={v}" for k, v in config.labels.items())
    rows = [(x["digest"], f"{x['size']:,}", x["created_by"]) for x in layers]
    show(
        facts_table({k: v for k, v in shown.items() if v}),
        grid(("layer", "bytes", "created by"), rows),
    )


@click.command()
@click.argument("repository")
@output_option
def ls(repository: str, output: str) -> None:
    """List the tags of REPOSITORY."""
    from provenance.oci.connect import connect
    from provenance.oci.reference import Reference

    reference = Reference.parse(repository)
    with connect(reference, settings=settings()) as opened:
        tags = opened.tags()
    if output == "json":
        show_json("ls", repository=reference.name, tags=tags)
        return
    for tag in tags:
        echo(tag)


@click.command()
@image_argument
@platform_option
@output_option
def tree(image: str, platform: str | None, output: str) -> None:
    """Show everything beside IMAGE, as listed; nothing is verified."""
    from provenance.evidence import tree as evidence_tree
    from provenance.image import resolve as resolve_image

    found = resolve_image(image, platform=platform, settings=settings())
    nodes = evidence_tree(found, settings=settings())
    if output == "json":
        reference, listed = str(found.reference), _as_json(nodes)
        show_json("tree", reference=reference, complete=nodes.complete, referrers=listed)
    else:
        from provenance.display.terminal import tree as tree_view

        show(tree_view(str(found.reference), _as_branches(nodes)))
    if nodes.doubt is not None:
        note(f"not complete: {nodes.doubt}")


def _as_branches(nodes: Sequence[Node]) -> list[Any]:
    return [
        (
            f"{n.referrer.kind}  {n.referrer.descriptor.digest}  {n.referrer.placement}",
            _as_branches(n.children),
        )
        for n in nodes
    ]


def _as_json(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    return [
        {
            "kind": n.referrer.kind,
            "digest": n.referrer.descriptor.digest,
            "artifact_type": n.referrer.artifact_type,
            "placement": str(n.referrer.placement),
            "reference": str(n.referrer.reference),
            "annotations": dict(n.referrer.descriptor.annotations),
            "referrers": _as_json(n.children),
        }
        for n in nodes
    ]
