"""`sbom generate`: a bar where somebody looks, and options that reach the library."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from provenance.digests import Digest
from provenance.oci import media_types as mt
from provenance.testing import ImageBuilder
from provenance.testing.layers import tar_of

if TYPE_CHECKING:
    from pathlib import Path

MUSL = {
    "etc/os-release": "ID=alpine\nVERSION_ID=3.20.3\n",
    "lib/apk/db/installed": "P:musl\nV:1.2\nA:x86_64\n\n",
}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    ImageBuilder().layer(MUSL).push(f"oci:{tmp_path / 'layout'}:1")
    return tmp_path / "layout"


def generate(layout: Path, *options: str, stderr: int = subprocess.PIPE) -> tuple[str, str]:
    command = [sys.executable, "-m", "provenance", "sbom", "generate", f"oci:{layout}:1", *options]
    surroundings = {**os.environ, "TERM": "xterm", "PROVENANCE_CACHE_DIR": f"{layout}-cache"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=stderr, text=True, env=surroundings
    )
    return done.stdout, done.stderr or ""


def at_a_terminal(layout: Path, *options: str) -> tuple[str, str]:
    """What is printed, and what the terminal was sent on the standard error."""
    pty = pytest.importorskip("pty", reason="no terminals of this kind here")
    ours, theirs = pty.openpty()
    try:
        printed, _ = generate(layout, *options, stderr=theirs)
        os.write(theirs, b"end")
        shown = b""
        while not shown.endswith(b"end"):
            shown += os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
    return printed, shown.decode().removesuffix("end")


def test_a_bar_is_drawn_at_a_terminal_and_nowhere_else(layout: Path) -> None:
    quiet = generate(layout, "--no-cache")
    assert quiet[1] == ""
    printed, shown = at_a_terminal(layout, "--no-cache")
    assert "reading layers" in shown
    assert printed == quiet[0]
    assert at_a_terminal(layout, "--no-cache", "--quiet") == quiet


def test_the_cache_is_in_the_folder_of_the_settings_unless_it_is_off(layout: Path) -> None:
    cache = layout.with_name("layout-cache")
    first = generate(layout, "--no-cache")
    assert not cache.exists()
    assert generate(layout) == first
    assert list(cache.glob("*.sqlite"))


def test_files_are_listed_where_they_are_asked_for(layout: Path) -> None:
    def listed(choice: str) -> list[str]:
        components = json.loads(generate(layout, "--files", choice)[0])["components"]
        return [c["name"] for c in components if c["type"] == "file"]

    assert listed("none") == []
    assert listed("owned") == []  # the package names none
    assert listed("all") == sorted(MUSL)


def test_a_false_diff_id_is_told_where_they_are_compared(tmp_path: Path) -> None:
    layer = gzip.compress(tar_of(MUSL))
    image = ImageBuilder().raw_layer(layer, mt.LAYER_GZIP, diff_id=str(Digest.of(b"other")))
    image.push(f"oci:{tmp_path / 'layout'}:1")
    assert generate(tmp_path / "layout")[1] == ""
    assert "diff-id-mismatch" in generate(tmp_path / "layout", "--verify", "full")[1]
