"""Java runtimes: the `release` file in the root of a JDK or JRE.

Sources: JEP 220 (the file), JEP 223 and 322 (versions), the names under which the National
Vulnerability Database lists the builds. Many other files are called `release`: one is a runtime's
only if it states Java's version and something else that the build of a JDK writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Problem
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.catalog.cataloger import MatchedFile

__all__ = ["CATALOGER", "properties"]

_BITNAMI = "/opt/bitnami/java/"
_LARGEST = 64 << 10  # bytes: the list of modules is the longest line
_PROPERTY = re.compile(r'^([A-Z][A-Z0-9_]*)="([^"\r\n]*)"[ \t]*\r?$', re.ASCII | re.MULTILINE)
_VERSION = re.compile(r"[0-9][0-9A-Za-z._+-]{0,127}", re.ASCII)
_JAVA_8 = re.compile(r"1\.([0-9]{1,2})\.0_0*([0-9]{1,4})(?:-.*)?", re.ASCII)
_SHORT = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_REPOSITORY = re.compile(r"https://[!-~]{1,300}", re.ASCII)
_COMMIT = re.compile(r"\.?:?git:([0-9a-f]{7,40})", re.ASCII)
_OTHERS = ("OS_ARCH", "OS_NAME", "IMPLEMENTOR", "JAVA_RUNTIME_VERSION", "JVM_VERSION")


def properties(text: str) -> dict[str, str]:
    """The `KEY="value"` lines, the first of each key."""
    found: dict[str, str] = {}
    for key, value in _PROPERTY.findall(text):
        found.setdefault(key, value.strip())
    return found


def read(file: MatchedFile) -> Iterator[Package | Problem]:
    """Yield the runtime whose `release` file this is; of any other file nothing."""
    # Bitnami's runtimes have an SBOM beside them, which another cataloger reads.
    if file.size > _LARGEST or _BITNAMI in f"/{file.path}" or file.body.find(b"JAVA_VERSION=") < 0:
        return
    found = properties(file.text())
    if not found.get("JAVA_VERSION") or not any(key in found for key in _OTHERS):
        return
    version = _version(found)
    if _VERSION.fullmatch(version) is None:
        yield Problem(file.path, f"the Java runtime has no usable version: {version[:100]!r}")
        return
    vendor, product = _vendor_and_product(found)
    try:
        purl = build_purl("generic", vendor, product, version, {"vcs_url": _vcs_url(found)})
    except MalformedDocument as error:
        yield Problem(file.path, str(error))
        return
    image = found.get("IMAGE_TYPE", "")
    yield Package(
        name=product,
        version=version,
        type="generic",
        purl=purl,
        supplier=found.get("IMPLEMENTOR", ""),
        description=f"Java runtime ({image})" if image in {"JDK", "JRE"} else "Java runtime",
        cpes=tuple(_cpes(vendor, product, version)),
        locations=(file.location,),
        architecture=found.get("OS_ARCH", ""),
        cataloger=CATALOGER.name,
        kind="application",
    )


def _version(found: Mapping[str, str]) -> str:
    """The one with the build number; of Java 8 `FULL_VERSION`, if it is of the same Java."""
    short = found["JAVA_VERSION"]
    if runtime := found.get("JAVA_RUNTIME_VERSION", ""):
        return runtime
    full = found.get("FULL_VERSION", "")
    return full if full.partition(".")[0] == short.partition(".")[0] and full else short


def _vendor_and_product(found: Mapping[str, str]) -> tuple[str, str]:
    """As vulnerabilities name them: builds of OpenJDK that are Azul's or Oracle's have their own.

    Oracle's builds of OpenJDK and its commercial ones state the same, so both are `jdk`.
    """
    implementor = found.get("IMPLEMENTOR", "").lower()
    if "azul" in implementor:
        return "azul", "zulu"
    if "oracle" in implementor:
        return "oracle", "jre" if found.get("IMAGE_TYPE", "").upper() == "JRE" else "jdk"
    return "oracle", "openjdk"


def _vcs_url(found: Mapping[str, str]) -> str:
    """The repository and commit it was built from, where both are stated."""
    repository, commit = found.get("SOURCE_REPO", ""), _COMMIT.match(found.get("SOURCE", ""))
    if commit is None or _REPOSITORY.fullmatch(repository) is None:
        return ""
    return f"git+{repository}@{commit[1]}"


def _cpes(vendor: str, product: str, version: str) -> Iterator[str]:
    names = [(vendor, product)]
    if vendor == "azul":
        names.append(("oracle", "openjdk"))
    elif product == "jdk":
        names.append(("oracle", "jre"))
    for owner, name in names:
        if java_8 := _JAVA_8.fullmatch(version):
            major, update = java_8.groups()
            number = major if name == "openjdk" else f"1.{major}.0"
            yield f"cpe:2.3:a:{owner}:{name}:{number}:update{update}:*:*:*:*:*:*"
        elif short := _SHORT.match(version):
            yield f"cpe:2.3:a:{owner}:{name}:{short[0]}:*:*:*:*:*:*:*"


CATALOGER = Cataloger(
    name="jvm",
    version=2,
    types=("generic",),
    paths=("**/release",),
    read=read,
)
