"""`demo`: the story, told step by step."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import show

if TYPE_CHECKING:
    from types import FrameType

    from provenance.testing.demonstration import Demonstration, Step

__all__ = ["demo"]


@click.command()
@click.argument("image", required=False)
@click.option("--keep", is_flag=True, help="Leave the registry and Sigstore running until ^C.")
def demo(image: str | None, keep: bool) -> int:  # noqa: FBT001 - click passes flags so
    """Resolve, SBOM, sign, verify, and attacks, on an embedded registry and Sigstore.

    IMAGE is a reference, an OCI layout directory or a tar; without one an image is made of the
    running Python environment. Nothing leaves the machine.
    """
    from provenance.testing.demonstration import Demonstration

    with Demonstration(image) as story:
        for number, step in enumerate(story.steps(), 1):
            _tell(number, step)
        if keep:
            _keep(story)
        return 0 if story.refused else 1


def _tell(number: int, step: Step) -> None:
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.text import Text

    from provenance.display.terminal import facts, grid, plain, tree

    show(Text(""), plain(f"{number}. {step.title}", "bold"))
    show(
        Padding(Syntax(step.code, "python", theme="ansi_dark", background_color="default"), (0, 3))
    )
    if step.facts:
        show(Padding(facts(step.facts), (0, 3)))
    if step.rows:
        show(Padding(grid(step.columns, step.rows), (0, 3)))
    for label, below in step.branches:
        show(Padding(tree(label, below), (0, 3)))
    for attack in step.attacks:
        mark = plain("  ✓ ", "green") if attack.refused else plain("  ✗ ", "bold red")
        mark.append_text(plain(f"{attack.name}: "))
        mark.append_text(plain(attack.verdict, "bold"))
        show(mark, Padding(plain(attack.reason, "dim"), (0, 6)))


def _keep(story: Demonstration) -> None:
    """Print how to look around, and wait."""
    from rich.text import Text

    from provenance.display.terminal import plain
    from provenance.testing.demonstration import IDENTITY

    with tempfile.TemporaryDirectory(prefix="provenance-demo-") as folder:
        root = story.sigstore.write_trusted_root(Path(folder) / "trusted_root.json")
        who = (
            f"--trusted-root {root} --certificate-identity {IDENTITY} "
            f"--certificate-oidc-issuer {story.sigstore.issuer}"
        )
        show(Text(""), plain("Still running. Look around, then press Ctrl-C:", "bold"))
        for line in (
            f"provenance tree {story.tag}",
            f"provenance verify {who} {story.tag}",
            f"oras discover --plain-http {story.tag}",
            f"cosign verify --allow-http-registry {who} {story.tag}",
        ):
            click.echo(f"  {line}")
        _wait()


def _wait() -> None:
    """Until Ctrl-C or a polite kill."""
    done = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        done.set()

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not done.wait(3600):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
