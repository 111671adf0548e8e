"""Installed Debian packages: `status`, and the `status.d/` of distroless images.

Sources: Debian Policy 5.1 (syntax), dpkg's `status` states, copyright-format 1.0.
Not read: `available` (offers, not facts).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import OS_RELEASE, Cataloger, Problem, root_of, stanzas
from provenance.packages.licenses import normalise_debian
from provenance.packages.package import Location, Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import Context, Requirement
    from provenance.image.file import File

__all__ = ["CATALOGER", "copyright_licenses", "fields"]

# Every state but these has files of the package on disk.
_ABSENT = frozenset({"not-installed", "config-files"})
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^()]*)\))?")
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]+)")
_SUFFIXES = ("var/lib/dpkg/status", "lib/dpkg/status")


def fields(lines: list[str]) -> dict[str, str]:
    """A stanza's fields, names in lower case, continuation lines kept with their line ends."""
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[0] in " \t":
            if name:
                found[name] += "\n" + line[1:]
            continue
        key, colon, value = line.partition(":")
        name = key.strip().lower() if colon and " " not in key.strip() else ""
        if name:
            found[name] = value.strip()
    return found


def catalog(file: File, context: Context) -> Iterator[Package | Problem]:
    """Yield each package that is on disk, and a Problem for each record that cannot be read."""
    path = file.real_path
    single = "/status.d/" in path
    if single and path.endswith(".md5sums"):
        return
    root = root_of(path.rpartition(".d/")[0] if single else path, *_SUFFIXES)
    for line, lines in stanzas(file.data.decode("utf-8", "replace")):
        record = fields(lines)
        status = record.get("status", "")
        state = status.split()[-1] if status else ""
        if state in _ABSENT:
            continue
        fault = _fault(record, state=state, single=single)
        if fault:
            yield Problem(path, fault, line)
        else:
            yield _package(record, file, root, context)


def _fault(record: dict[str, str], *, state: str, single: bool) -> str:
    name = record.get("package", "")
    if not name or any(c.isspace() for c in name):
        return "a dpkg record without a package name"
    if not record.get("version"):
        return f"the dpkg record of {name[:100]!r} has no version"
    if not state and not single:
        return f"the dpkg record of {name[:100]!r} has no status, so it may not be installed"
    return ""


def _package(record: dict[str, str], file: File, root: str, context: Context) -> Package:
    name, version = record["package"], record["version"]
    architecture = record.get("architecture", "")
    source = source_version = ""
    if match := _SOURCE.match(record.get("source", "")):
        source, source_version = match[1], match[2] or ""
    vendor, distro = context.vendor(root, "debian")
    upstream = f"{source}@{source_version}" if source_version else source
    text = context.read(f"{root}usr/share/doc/{name}/copyright")
    return Package(
        name=name,
        version=version,
        type="deb",
        purl=build_purl(
            "deb",
            vendor,
            name,
            version,
            {"arch": architecture, "distro": distro, "upstream": upstream},
        ),
        licenses=copyright_licenses(text) if text is not None else (),
        supplier=record.get("maintainer", ""),
        description=record.get("description", "").partition("\n")[0],
        locations=(Location(file.real_path, file.layer),),
        architecture=architecture,
        source=source,
        source_version=source_version,
        depends=_list(record.get("pre-depends", "")) + _list(record.get("depends", "")),
        provides=tuple(_bare(word) for word in _list(record.get("provides", ""))),
        cataloger=CATALOGER.name,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := " ".join(part.split())))


def _bare(word: str) -> str:
    """`libc6:any (>= 2.3)` without architecture and version."""
    return word.partition("(")[0].partition("[")[0].strip().partition(":")[0]


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need with its alternatives, versions left out: what is installed satisfied dpkg."""
    for need in package.depends:
        yield tuple(_bare(word) for word in need.split("|"))


def copyright_licenses(data: bytes) -> tuple[str, ...]:
    """The licences a `copyright` file states.

    Of the machine-readable format every `License` field's short name; of free text the texts
    under /usr/share/common-licenses it points to, whose names do not tell "only" from "or later".
    """
    text = data.decode("utf-8", "replace")
    names: dict[str, None] = {}
    machine_readable = False
    for number, (_, lines) in enumerate(stanzas(text)):
        record = fields(lines)
        if number == 0:
            machine_readable = "format" in record or "format-specification" in record
        if not machine_readable:
            break
        if name := record.get("license", "").partition("\n")[0].strip():
            names[normalise_debian(name)] = None
    if not names:
        for word in _COMMON.findall(text):
            name = word.rstrip(".-")
            names[name if "GPL" in name or "GFDL" in name else normalise_debian(name)] = None
    return tuple(names)


CATALOGER = Cataloger(
    name="dpkg",
    type="deb",
    paths=("**/lib/dpkg/status", "**/lib/dpkg/status.d/*"),
    catalog=catalog,
    requirements=requirements,
    context=(*OS_RELEASE, "**/usr/share/doc/*/copyright"),
)
