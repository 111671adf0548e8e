"""What goes into the image of `build_image.py`: one function a layer, on a directory that grows."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["OPAQUE", "Tree", "add_apt", "add_base", "add_java_and_go", "add_npm", "add_pip", "top"]

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
CENTRAL = "https://repo1.maven.org/maven2"
PLATFORMS = ("manylinux_2_28", "manylinux2014", "manylinux_2_17", "manylinux1")
WANTED: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("image_contents.toml").read_text()
)
# Where things lie in the image.
APP, OLD, LIBRARIES, DEPLOYED = "srv/app", "srv/old", "opt/lib", "opt/deployed"
OPAQUE = (OLD,)
"""The directories that the top layer replaces as a whole."""


@dataclass
class Tree:
    """A root file system that grows, and what was said to be installed into it."""

    root: Path
    downloads: Path
    """Kept between runs."""
    suite: str
    pip: dict[str, str] = field(default_factory=dict)
    """What pip reported, without what was removed since."""
    locks: dict[str, Path] = field(default_factory=dict)
    """Directory in the image to the lockfile that npm wrote for it."""
    jars: list[str] = field(default_factory=list)
    """Coordinates of the jars that Debian did not install."""

    def within(self, *command: str, code: str = "") -> str:
        """What a command prints that runs inside, with the downloads of apt lent to it."""
        lent = {"apt": "var/cache/apt/archives", "lists": "var/lib/apt/lists"}
        steps = ['mount -t proc proc "$ROOT/proc"']
        for name, place in lent.items():
            (self.downloads / name / "partial").mkdir(parents=True, exist_ok=True)
            (self.root / place).mkdir(parents=True, exist_ok=True)
            steps.append(f'mount --bind "$DOWNLOADS/{name}" "$ROOT/{place}"')
        steps.append('mount --bind /etc/resolv.conf "$ROOT/etc/resolv.conf"')
        steps.append('exec chroot "$ROOT" "$@"')
        # A namespace of its own: what is mounted goes with the process, however that ends.
        return run(
            ["unshare", "--mount", "sh", "-ec", " && ".join(steps), "sh", *command],
            given=code,
            ROOT=str(self.root),
            DOWNLOADS=str(self.downloads),
            DEBIAN_FRONTEND="noninteractive",
            LC_ALL="C.UTF-8",
            HOME="/root",
            PATH="/usr/sbin:/usr/bin:/sbin:/bin",
        )

    def apt(self, *packages: str) -> None:
        """Install packages of the distribution."""
        install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends")
        self.within(*install, *packages)
        for cache in (self.root / "var/cache/apt").glob("*.bin"):
            cache.unlink()  # made anew when asked for, and large

    def python_version(self) -> str:
        """Of the Python inside: 3.11."""
        show = "import sys; print('%d.%d' % sys.version_info[:2])"
        return self.within("python3", "-c", show).strip()


def run(command: list[str], *, given: str = "", **surroundings: str) -> str:
    """What a command prints; SystemExit with its last words where it fails."""
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        input=given,
        env={**os.environ, **surroundings},
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)[:300]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def add_base(tree: Tree) -> None:
    """Debian's smallest."""
    debs = tree.downloads / "apt"
    debs.mkdir(parents=True, exist_ok=True)
    # In a namespace of its own as below: what debootstrap mounts goes with it.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--cache-dir={debs}"]
    run([*command, tree.suite, str(tree.root), MIRROR])
    (tree.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (tree.root / "usr/sbin/policy-rc.d").chmod(0o755)
    # What debootstrap took over from this machine.
    (tree.root / "etc/hostname").write_text("image\n")
    (tree.root / "etc/resolv.conf").write_text("")
    (tree.root / "etc/apt/sources.list").write_text(
        f"deb {MIRROR} {tree.suite} main\n"
        f"deb {MIRROR} {tree.suite}-updates main\n"
        f"deb {SECURITY} {tree.suite}-security main\n"
    )
    for place in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(tree.root / place)
        (tree.root / place / "partial").mkdir(parents=True)


def add_apt(tree: Tree) -> None:
    """Runtimes and servers of the distribution."""
    tree.within("apt-get", "update", "-qq")
    tree.apt(*WANTED["debian"]["packages"])


def add_pip(tree: Tree) -> None:
    """Packages of the Python index, as pip resolves them for the Python inside."""
    _pip(tree, WANTED["pip"]["packages"])
    place = f"usr/local/lib/python{tree.python_version()}/dist-packages"
    tree.within("python3", "-m", "compileall", "-q", f"/{place}")


def _pip(tree: Tree, wanted: list[str], *options: str) -> None:
    machine = os.uname().machine
    version = tree.python_version()
    site = tree.root / f"usr/local/lib/python{version}/dist-packages"
    report = tree.downloads / "pip-report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--upgrade"]
    command += ["--no-warn-conflicts", "--root-user-action=ignore", "--only-binary=:all:"]
    # What the Python inside can run, whichever runs this.
    command += [f"--platform={platform}_{machine}" for platform in PLATFORMS]
    command += ["--python-version", version, "--implementation", "cp"]
    run([*command, "--target", str(site), "--report", str(report), *options, *wanted])
    for item in json.loads(report.read_text())["install"]:
        tree.pip[item["metadata"]["name"]] = item["metadata"]["version"]


def add_npm(tree: Tree) -> None:
    """An application of several hundred packages, and a small one that will be replaced."""
    _npm(tree, APP, WANTED["npm"]["application"])
    _npm(tree, OLD, WANTED["npm"]["old"])


def _npm(tree: Tree, place: str, wanted: dict[str, str]) -> None:
    folder = tree.root / place
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": place.rpartition("/")[2], "version": "1.0.0", "private": True}
    (folder / "package.json").write_text(json.dumps({**about, "dependencies": wanted}))
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
    cache = str(tree.downloads / "npm")
    run(["npm", "install", *quiet, "--prefix", str(folder), "--cache", cache])
    tree.locks[place] = folder / "package-lock.json"


def add_java_and_go(tree: Tree) -> None:
    """Jars of the distribution and of Maven Central, a war, a jar of jars, programs in Go."""
    wanted = WANTED["maven"]
    tree.apt(*WANTED["debian"]["java"], *WANTED["debian"]["go"])
    for place in (LIBRARIES, DEPLOYED):
        (tree.root / place).mkdir(parents=True)
    for coordinates in wanted["jars"]:
        jar = _jar(tree, coordinates)
        shutil.copy(jar, tree.root / LIBRARIES / jar.name)
    war = tree.root / DEPLOYED / "shop.war"
    _bundle(tree, war, wanted["own_war"], "WEB-INF/lib", wanted["war"])
    fat = tree.root / DEPLOYED / "service.jar"
    _bundle(tree, fat, wanted["own_jar"], "BOOT-INF/lib", wanted["fat_jar"])


def _jar(tree: Tree, coordinates: str) -> Path:
    """A jar of Maven Central."""
    group, artifact, version = coordinates.split(":")
    file = tree.downloads / "maven" / f"{artifact}-{version}.jar"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        url = f"{CENTRAL}/{group.replace('.', '/')}/{artifact}/{version}/{file.name}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  https, above
            data = answer.read()
        file.write_bytes(data)
    tree.jars.append(coordinates)
    return file


def _bundle(tree: Tree, file: Path, own: str, inside: str, jars: list[str]) -> None:
    """An archive as Maven packs one, with others inside, stored as they are."""
    group, artifact, version = own.split(":")
    properties = f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n")
        archive.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", properties)
        for coordinates in jars:
            jar = _jar(tree, coordinates)
            archive.write(jar, f"{inside}/{jar.name}", zipfile.ZIP_STORED)
    tree.jars.append(own)


def top(tree: Tree) -> None:
    """Take away and replace: by each installer's own means where it has them."""
    tree.within("dpkg", "--purge", "tree")
    tree.within("dpkg", "--remove", "nano")  # leaves its configuration and its record
    npm = WANTED["npm"]
    wanted = {**npm["application"], **npm["changed"]}
    _npm(tree, APP, {name: version for name, version in wanted.items() if version})
    shutil.rmtree(tree.root / OLD)
    _npm(tree, OLD, npm["new"])
    for name in WANTED["pip"]["removed"]:
        _pip_uninstall(tree, name)
    _pip(tree, WANTED["pip"]["added"], "--no-deps")
    for coordinates in WANTED["maven"]["removed"]:
        _, artifact, version = coordinates.split(":")
        (tree.root / LIBRARIES / f"{artifact}-{version}.jar").unlink()
        tree.jars.remove(coordinates)


def _pip_uninstall(tree: Tree, name: str) -> None:
    """What pip does, which has no uninstall for a --target: remove what RECORD names."""
    site = tree.root / f"usr/local/lib/python{tree.python_version()}/dist-packages"
    record = next(site.glob(f"{name}-*.dist-info/RECORD"))
    with record.open(newline="") as file:
        tops = {row[0].split("/")[0] for row in csv.reader(file) if not row[0].startswith("..")}
    for entry in tops - {"bin", "__pycache__"}:
        path = site / entry
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    del tree.pip[next(n for n in tree.pip if n.replace("-", "_") == name)]
