"""Damaged databases end in packages and problems: no error, nothing slow."""

from __future__ import annotations

import random
import time

import pytest

from provenance.catalog.cataloger import Cataloger, Fact, MatchedFile, Problem, Remaining
from provenance.catalog.ecosystems import apk, dpkg, opkg
from provenance.packages.package import Package

DPKG = {
    "var/lib/dpkg/status": b"""\
Package: libacl1
Status: install ok installed
Architecture: amd64
Source: acl (2.3.1-3)
Version: 1:2.3.1-3+b1
Pre-Depends: dpkg (>= 1.17)
Depends: libc6:any (>= 2.34), a | b,
 c
Conffiles:
 /etc/x 11a06baf8245fd8d690b99024d228c1f obsolete
Description: access control list
 more

Package: acl
Status: install ok installed
Architecture: amd64
Version: 2.3.1-3
Depends: libacl1
Description: tools

""",
    "var/lib/dpkg/info/libacl1:amd64.list": b"/.\n/etc\n/etc/x\n/usr/lib/libacl.so\n",
    "var/lib/dpkg/info/libacl1:amd64.md5sums": b"0123456789abcdef" * 2 + b"  usr/lib/libacl.so\n",
    "var/lib/dpkg/info/acl.conffiles": b"/etc/acl\nremove-on-upgrade /etc/old\n",
    "var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 1\nArchitecture: all\n",
    "var/lib/dpkg/status.d/tzdata.md5sums": b"0123456789abcdef" * 2 + b"  etc/zone\n",
    "usr/share/doc/acl/copyright": b"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+ or Artistic, and Expat
 /usr/share/common-licenses/GPL-2

License: LGPL-2.1
""",
}
OPKG = {
    "usr/lib/opkg/status": b"Package: a\nVersion: 1-2\nStatus: install user installed\n\n" * 2,
    "usr/lib/opkg/info/a.control": b"Package: a\nVersion: 1-2\nCPE-ID: cpe:/a:b:c\nLicense: MIT\n",
    "usr/lib/opkg/info/a.list": b"/bin/a\t0755\tb\n/c\n",
}
APK = {
    "lib/apk/db/installed": b"""\
P:ssl_client
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only AND (MIT OR ISC)
o:busybox
D:so:libc.musl-x86_64.so.1 so:libssl.so.3>=3 !other /bin/sh
p:cmd:ssl_client=1.36.1-r29
F:usr/bin
M:0:0:755
R:ssl_client
a:0:0:755
Z:Q1Kq5sNclPz7QV2+lfQIuc6R7oRu0=

P:musl
V:1.2

""",
}
PIECES = (
    *(b"\n", b"\n\n", b"\r", b" ", b"\t", b":", b"\0", b"\xff", b"\xc3", b"/", b"(", b"%", b","),
    *(b"|", b"..", b"\xe2\x80\xa8", b"\x0c", b"=", b"Package: ", b"License: ", b"F:", b"R:", b"Z:"),
    *(b"GPL-2 " * 50, b"(" * 60, b"9" * 5000, b"a" * 600),
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    buffer = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(buffer))
        end = min(len(buffer), start + chance.choice((0, 1, 1, 2, 20, 200)))
        match chance.randrange(5):
            case 0:
                buffer[start:end] = chance.choice(PIECES)
            case 1:
                del buffer[start:end]
            case 2:
                buffer[start:start] = buffer[start:end]
            case 3:
                buffer[start:end] = chance.randbytes(end - start)
            case _:
                other = chance.randint(0, len(buffer))
                buffer[start:start] = buffer[other : other + 60]
    return bytes(buffer)


@pytest.mark.parametrize(
    ("cataloger", "files"),
    [(dpkg.CATALOGER, DPKG), (opkg.CATALOGER, OPKG), (apk.CATALOGER, APK)],
    ids=["dpkg", "opkg", "apk"],
)
def test_damaged_files_end_in_packages_and_problems(
    cataloger: Cataloger, files: dict[str, bytes]
) -> None:
    chance = random.Random(4)
    whole = 0
    start = time.thread_time()
    for _ in range(1500):
        damaged = chance.choice(list(files))
        packages: list[Package] = []
        facts: dict[str, dict[str, object]] = {}
        for path, original in files.items():
            data = mutated(original, chance) if path == damaged else original
            for item in cataloger.read(MatchedFile(path, None, len(data), 0o644, data)):
                if isinstance(item, Package):
                    assert item.name
                    assert item.version
                    assert item.purl.startswith(f"pkg:{item.type}/")
                    packages.append(item)
                elif isinstance(item, Fact):
                    facts.setdefault(item.kind, {})[item.key] = item.value
                else:
                    assert isinstance(item, Problem)
        assert cataloger.complete is not None
        whole += len(list(cataloger.complete(Remaining(packages, facts))))
        assert cataloger.requirements is not None
        for package in packages:
            assert all(all(names) for names in cataloger.requirements(package))
    assert whole > 1500
    assert time.thread_time() - start < 30
