"""An image with something of each ecosystem that vulnerability scanners know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.catalog.test_java import jar, maven
from tests.elf_files import Mapped, audit, elf, go_program

from provenance.testing import ImageBuilder
from provenance.testing.layers import File

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["PURLS", "scanned_image"]

_DPKG = """Package: libacl1
Status: install ok installed
Architecture: amd64
Source: acl (2.3.1-3)
Version: 1:2.3.1-3+b1

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2024a-0+deb12u1

"""
_MODULES = (
    "path\texample.org/x\nmod\texample.org/x\tv1.2.3\th1:a=\ndep\tgolang.org/x/text\tv0.3.0\n"
)
_SERDE = {"name": "serde", "version": "1.0.1", "source": "crates.io", "kind": "runtime"}
_APP = {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [0]}
_NUGET = {
    "runtimeTarget": {"name": "net8"},
    "targets": {
        "net8": {"Newtonsoft.Json/13.0.1": {"runtime": {"lib/net6.0/Newtonsoft.Json.dll": {}}}}
    },
    "libraries": {"Newtonsoft.Json/13.0.1": {"type": "package", "sha512": "sha512-eA=="}},
}
_FILES: dict[str, str | bytes | File] = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "etc/debian_version": "12.5\n",
    "var/lib/dpkg/status": _DPKG,
    "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n\n"
    ),
    "srv/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0"}',
    "srv/node_modules/@types/node/package.json": '{"name":"@types/node","version":"20.1.0"}',
    "opt/lib-1.0.jar": jar(maven("org.example", "lib", "1.0"), manifest="Created-By: Maven"),
    "usr/local/bin/x": File(go_program(_MODULES), mode=0o755),
    "usr/local/bin/app": File(
        elf([Mapped(0x400000, b"\xcc" * 5000, 5)], [(".dep-v0", audit([_SERDE, _APP]))]),
        mode=0o755,
    ),
    "gems/specifications/rake-13.0.6.gemspec": (
        'Gem::Specification.new do |s|\n  s.name = "rake".freeze\n  s.version = "13.0.6"\nend\n'
    ),
    "php/vendor/composer/installed.json": json.dumps(
        {"packages": [{"name": "monolog/monolog", "version": "2.0.0"}]}
    ),
    "net/site.deps.json": json.dumps(_NUGET),
}
# What was put there, as the types of purls write it.
PURLS = {
    "pkg:deb/debian/libacl1@1:2.3.1-3%2Bb1?arch=amd64&distro=debian-12&upstream=acl%402.3.1-3",
    "pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1?arch=all&distro=debian-12",
    "pkg:pypi/six@1.16.0",
    "pkg:npm/left-pad@1.3.0",
    "pkg:npm/%40types/node@20.1.0",
    "pkg:maven/org.example/lib@1.0",
    "pkg:golang/example.org/x@v1.2.3",
    "pkg:golang/golang.org/x/text@v0.3.0",
    "pkg:golang/stdlib@1.22.1",
    "pkg:cargo/serde@1.0.1",
    "pkg:cargo/app@0.1.0",
    "pkg:gem/rake@13.0.6",
    "pkg:composer/monolog/monolog@2.0.0",
    "pkg:nuget/Newtonsoft.Json@13.0.1",
}


def scanned_image(*, without: Collection[str] = ()) -> ImageBuilder:
    """The image, but for those files."""
    files = {path: body for path, body in _FILES.items() if path not in without}
    return ImageBuilder(platform="linux/amd64").layer(files)
