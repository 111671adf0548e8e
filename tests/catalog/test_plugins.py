"""Catalogers of other distributions, lying where installers leave them."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from provenance.catalog import ALL, all_catalogers
from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = "Metadata-Version: 2.1\nName: more-ecosystems\nVersion: 1.0\n"
ENTRY = "[provenance.catalogers]\nmore = more_ecosystems:CATALOGER\n"
CODE = (
    "from provenance.catalog import Cataloger\n"
    "CATALOGER = Cataloger(name='more', version=1, types=('more',), read=lambda file: ())\n"
)

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put the metadata into a folder of that name, beside a module."""

    def installed(folder: str, code: str = CODE) -> None:
        info = tmp_path / folder
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA)
        (info / "PKG-INFO").write_text(METADATA)
        (info / "entry_points.txt").write_text(ENTRY)
        (info.parent / "more_ecosystems.py").write_text(code)
        monkeypatch.syspath_prepend(info.parent)
        monkeypatch.delitem(sys.modules, "more_ecosystems", raising=False)

    return installed


@pytest.mark.parametrize(
    "folder",
    [
        "site/more_ecosystems-1.0.dist-info",
        "site/More_Ecosystems-1.0.DIST-INFO",
        "site/more_ecosystems.egg-info",
        "more_ecosystems-1.0-py3.11.egg/EGG-INFO",
    ],
)
def test_a_plugin_comes_after_ours_wherever_installers_put_it(
    install: Install, folder: str
) -> None:
    install(folder)
    assert [c.name for c in all_catalogers()] == [*(c.name for c in ALL), "more"]


def test_a_plugin_in_an_archive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "more_ecosystems-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("more_ecosystems.py", CODE)
        made.writestr("more_ecosystems-1.0.dist-info/METADATA", METADATA)
        made.writestr("more_ecosystems-1.0.dist-info/entry_points.txt", ENTRY)
    monkeypatch.syspath_prepend(archive)
    monkeypatch.delitem(sys.modules, "more_ecosystems", raising=False)
    assert all_catalogers()[-1].name == "more"


def test_a_plugin_that_only_a_finder_knows_is_found(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("site/more_ecosystems-1.0.dist-info")
    info = (tmp_path / "site" / "more_ecosystems-1.0.dist-info").rename(tmp_path / "elsewhere")

    class Finder(importlib.metadata.DistributionFinder):
        def find_distributions(
            self, context: object = None
        ) -> Iterator[importlib.metadata.Distribution]:
            del context
            yield importlib.metadata.Distribution.at(info)

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert all_catalogers()[-1].name == "more"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nothing_of_that_name", "cannot be imported"),
        ("CATALOGER = 1", "is a int"),
        (CODE.replace("'more', v", "'dpkg', v"), "calls itself 'dpkg'"),
    ],
)
def test_a_broken_plugin_is_refused(install: Install, code: str, why: str) -> None:
    install("site/more_ecosystems-1.0.dist-info", code)
    with pytest.raises(UnsupportedFormat, match=why):
        all_catalogers()


def test_without_plugins_nothing_is_loaded_to_look_for_them() -> None:
    code = (
        "import sys\n"
        "import provenance.catalog\n"
        "assert provenance.catalog.all_catalogers() == provenance.catalog.ALL\n"
        "print('loaded:', sorted({'email', 'importlib.metadata'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "loaded: []\n"
