"""Standard streams that are closed, full, or read by nobody: an answer that is lost is no "no"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.testing import ImageBuilder

PROGRAM = [sys.executable, "-m", "provenance"]
full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")


def shell(streams: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command, its streams directed as a shell spells it."""
    line = ["sh", "-c", f'exec "$@" {streams}', "sh", *PROGRAM, *arguments]
    return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False)


@pytest.fixture
def image(tmp_path: Path) -> str:
    files = {"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\nL:MIT\n\n"}
    name = f"oci:{tmp_path / 'layout'}:1"
    ImageBuilder().layer(files).push(name)
    return name


@pytest.mark.parametrize(
    "arguments",
    [
        ("tree",),
        ("tree", "-o", "json"),
        ("inspect",),
        ("resolve",),
        ("sbom", "generate", "-o", "spdx-json"),
        ("sbom", "generate", "-o", "spdx-json=/dev/stdout"),
        ("--help",),
        ("--version",),
    ],
    ids=" ".join,
)
def test_a_pipe_that_nobody_reads_is_no_proven_no(image: str, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(
            [*PROGRAM, *arguments, image], stdout=nobody, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


@full_disk
@pytest.mark.parametrize("command", ["resolve", "inspect"])
def test_a_full_disk_is_no_proven_no(image: str, command: str) -> None:
    done = shell(">/dev/full", command, image)
    assert done.returncode == 3
    assert done.stderr == b"provenance: the result cannot be printed (No space left on device)\n"


@pytest.mark.parametrize(
    "arguments",
    [("resolve",), ("inspect",), ("sbom", "generate"), ("sbom", "generate", "-o", "table")],
    ids=" ".join,
)
def test_a_closed_output_is_as_a_full_disk(image: str, arguments: tuple[str, ...]) -> None:
    done = shell(">&-", *arguments, image)
    assert done.returncode == 3
    assert done.stderr == b"provenance: the result cannot be printed (Bad file descriptor)\n"


def test_who_writes_to_a_file_needs_no_output(image: str, tmp_path: Path) -> None:
    file = tmp_path / "app.cdx.json"
    done = shell("<&- >&- 2>&-", "sbom", "generate", image, "-o", f"cyclonedx-json={file}")
    assert done.returncode == 0
    assert file.read_bytes() == shell("", "sbom", "generate", image).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("sbom", "show", "-"),
        ("sbom", "convert", "-", "-o", "spdx-json"),
        ("sign-blob", "-", "--key", "a.key"),
        ("attest", "oci:nowhere:1", "--predicate", "-", "--key", "a.key"),
        ("login", "localhost:1", "--username", "a", "--password-stdin"),
    ],
    ids=" ".join,
)
def test_a_closed_input_is_no_empty_document(arguments: tuple[str, ...]) -> None:
    done = shell("<&-", *arguments)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == b"provenance: standard input cannot be read (Bad file descriptor)\n"


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (("login", "localhost:1"), "use --username with --password-stdin"),
        (("keys", "generate"), "set COSIGN_PASSWORD"),
    ],
)
def test_nobody_is_asked_where_the_input_is_closed(
    arguments: tuple[str, ...], instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COSIGN_PASSWORD", raising=False)
    done = shell("<&-", *arguments)
    assert done.returncode == 2
    assert f"no terminal to ask on: {instead}" in done.stderr.decode()


def test_what_is_told_and_not_asked_for_may_go_nowhere(image: str) -> None:
    done = shell("2>&-", "sbom", "generate", image)
    assert done.returncode == 0
    assert json.loads(done.stdout)["components"][0]["name"] == "musl"


@pytest.mark.parametrize("streams", [pytest.param("2>/dev/full", marks=full_disk), "2>&-"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("sbom", "show", "/not/there"), 3), (("sbom", "sho"), 2), (("resolve", "no reference"), 2)],
    ids=["not found", "no such command", "no reference"],
)
def test_an_error_that_cannot_be_told_ends_as_one_that_is(
    streams: str, arguments: tuple[str, ...], status: int
) -> None:
    assert shell("", *arguments).returncode == status
    done = shell(streams, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_an_error_that_nobody_reads_is_no_proven_no() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run([*PROGRAM, "sbom", "show", "/not/there"], stderr=nobody, check=False)
    assert done.returncode == 3


@full_disk
def test_neither_a_result_nor_why_it_is_not_there_can_be_told(image: str) -> None:
    assert shell(">/dev/full 2>/dev/full", "resolve", image).returncode == 3
