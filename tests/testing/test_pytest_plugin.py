"""The fixtures as other people use them: in a project of their own, in a pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from provenance import testing

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

CONFTEST = 'pytest_plugins = ["provenance.testing.pytest"]\n'
TESTS = """
import urllib.request
import provenance as pv

seen = []

def test_sign_and_verify(local_registry, local_sigstore, image_builder):
    tag = local_registry.reference("app:1.0")
    image_builder.layer({"etc/motd": b"hello"}).push(tag)
    pv.sign(tag, local_sigstore.signer("dev@example.com"))
    who = pv.Identity("dev@example.com", issuer=local_sigstore.issuer)
    assert pv.verify(tag, who, trust=local_sigstore.trust).reference
    seen.append((local_registry, local_sigstore, image_builder))

def test_registry_and_builder_are_new_and_the_sigstore_is_the_same(
    local_registry, local_sigstore, image_builder
):
    registry, sigstore, builder = seen[0]
    assert local_registry is not registry and not local_registry.manifests
    assert local_sigstore is sigstore
    assert image_builder is not builder and not image_builder.build().manifest.layers
    try:
        registry.url
    except RuntimeError:
        pass
    else:
        raise AssertionError("the registry of the last test still runs")
"""


STRICT = (
    *("-W", "error"),
    # Which one may have installed beside it, and which warns by the date.
    *("-W", "ignore::FutureWarning:google.api_core._python_version_support"),
)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
    )


@pytest.mark.parametrize(
    "options",
    [STRICT, (*STRICT, "--disable-socket", "--allow-hosts=127.0.0.1")],
    ids=["plain", "with loopback alone"],
)
def test_the_fixtures_work_in_a_project_of_another(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_theirs.py").write_text(TESTS)
    done = run(tmp_path, "-q", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_fixtures_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    listing = run(tmp_path, "--fixtures").stdout
    for name, scope in (
        ("local_registry", ""),
        ("local_sigstore", r" \[session scope\]"),
        ("image_builder", ""),
    ):
        assert re.search(rf"^{name}{scope} -- \S+\n    A", listing, re.MULTILINE), listing


def test_naming_the_plugin_starts_nothing_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, threading, provenance.testing.pytest\n"
        "heavy = {'requests', 'sigstore', 'cryptography', 'provenance.oci', 'http.server'}\n"
        "print(sorted(heavy & set(sys.modules)), threading.active_count())"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[] 1"


def test_the_fixtures_here(
    local_registry: LocalRegistry, local_sigstore: LocalSigstore, image_builder: ImageBuilder
) -> None:
    assert local_registry.url.startswith("http://127.0.0.1:")
    assert local_sigstore.url.startswith("http://127.0.0.1:")
    assert image_builder.build().manifest.layers == ()


def test_the_room_s_names_are_loaded_on_first_use() -> None:
    assert dir(testing) == sorted(testing.__all__) == sorted(testing._EXPORTS)
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    with pytest.raises(AttributeError, match="nonsense"):
        _ = testing.nonsense
