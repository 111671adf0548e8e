"""Documents that are run: Python blocks execute, and a `text` block after one is what it prints.

Names are shared down a page. In a `text` block `…` stands for anything. Blocks in `console`
hold commands after `$ `, run through the command's own entry point, with `$NAME` from the page's
names; `text` after them likewise. A command must succeed, unless `$ echo $?` follows and shows
its exit status. `sh` is what a reader types once and CI runs; any other kind must be known here.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["run_page"]

KINDS = {"python", "console", "text", "sh"}


def run_page(path: Path, names: dict[str, Any]) -> int:
    """Run every block of a page; returns how many there were. AssertionError where one differs."""
    parsers = [
        CodeBlockParser("python", _python),
        CodeBlockParser("console", _console),
        CodeBlockParser("text", _text),
    ]
    fences = re.findall(r"^```(\S+)$", path.read_text("utf-8"), re.MULTILINE)
    unknown = set(fences) - KINDS - {fence for fence in fences if fence.startswith("{")}
    assert not unknown, f"{path} has blocks that nothing runs: {sorted(unknown)}"
    document = Sybil(parsers=parsers).parse(path)
    document.namespace.update(names)
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


def _python(example: Example) -> None:
    source = "\n" * (example.line - 1) + example.parsed
    code = compile(source, example.path, "exec", dont_inherit=True)
    with _captured(example):
        exec(code, example.namespace)


def _console(example: Example) -> None:
    from provenance.cli.main import main

    lines = [line for line in example.parsed.splitlines() if line.strip()]
    status: object = 0
    with _captured(example):
        for line in lines:
            place = f"{example.path}:{example.line}: {line}"
            if line == "$ echo $?":
                sys.stdout.write(f"{status}\n")
                status = 0
                continue
            assert status == 0, f"{place} follows a command that ended with {status}"
            assert line.startswith("$ provenance "), f"{place} is not run"
            words = shlex.split(line.removeprefix("$ provenance "))
            words = [re.sub(r"\$(\w+)", lambda m: str(example.namespace[m[1]]), w) for w in words]
            try:
                main(words)
            except SystemExit as ended:
                status = ended.code or 0
    assert status == 0, f"{example.path}:{example.line} ended with {status}"


@contextlib.contextmanager
def _captured(example: Example) -> Iterator[None]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        yield
    example.namespace["_printed"] = out.getvalue()


def _text(example: Example) -> None:
    printed = example.namespace.get("_printed", "")
    expected = "".join(
        ".*" if part == "…" else re.escape(part) for part in re.split("(…)", example.parsed.strip())
    )
    found = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    assert re.fullmatch(expected, found), (
        f"{example.path}:{example.line} prints\n{found}\nnot\n{example.parsed}"
    )
