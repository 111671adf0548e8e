"""SBOMs that images carry of their own contents: Bitnami's, and those of Wolfi and Chainguard.

Bitnami puts one beside each application (`/opt/bitnami/NAME/.spdx-NAME.spdx`, JSON whatever the
ending says), which is all that tells of it. Wolfi and Chainguard have one for each apk package
(`/var/lib/db/sbom/NAME.spdx.json`): of these only the apk package itself is taken, as the rest
is what it was built from. A package that a database lists too is one package (inventory.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Problem, Relation
from provenance.errors import ProvenanceError
from provenance.findings import Severity
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.catalog.cataloger import Item, MatchedFile, Remaining
    from provenance.packages.package import Package

__all__ = ["CATALOGER"]

_NAME = "embedded"
_MAX_BYTES = 16 << 20
_DATABASE = "lib/db/sbom/"
# In JSON and in tag-value, and what says nothing in their place.
_DESCRIPTION = {
    b'"documentDescribes"': b'"comments"',
    b'"DESCRIBES"': b'"OTHER"',
    b'"DESCRIBED_BY"': b'"OTHER"',
    b" DESCRIBES ": b" OTHER ",
}


def read(file: MatchedFile) -> Iterator[Item]:
    """The packages that the document lists with a package URL."""
    if file.size > _MAX_BYTES:
        yield Problem(file.path, f"an SBOM of {file.size} bytes, more than {_MAX_BYTES}: not read")
        return
    from provenance.sbom import read_sbom

    try:
        sbom = read_sbom(_of_packages(bytes(file.body)), limits=Limits(document_bytes=_MAX_BYTES))
        listed = tuple(sbom.packages)
        within = sbom.contains
    except ProvenanceError as error:
        yield Problem(file.path, f"an SBOM that cannot be read: {error}")
        return
    odd = [] if listed else [f for f in sbom.findings if f.severity is not Severity.INFO]
    if odd:
        yield Problem(file.path, f"an SBOM that lists nothing: {odd[0].message}")
        return
    database = _DATABASE in file.path
    for package in listed:
        if package.purl and (not database or package.type == "apk"):
            yield package.changed(
                id="",
                locations=(file.location,),
                cataloger=_NAME,
                depends=(),
                provides=(),
            )
    if not database:
        purls = {package.id: package.purl for package in listed if package.purl}
        yield from _relations(within, purls)


def _of_packages(data: bytes) -> bytes:
    """The document without what it says it describes: that is a package here, not the subject."""
    for word, other in _DESCRIPTION.items():
        data = data.replace(word, other)
    return data


def _relations(
    within: Mapping[str, tuple[str, ...]], purls: Mapping[str, str]
) -> Iterator[Relation]:
    """What an application holds, as far as it has purls."""
    for holder, held in within.items():
        if holder in purls:
            yield from (Relation(purls[holder], "contains", purls[x]) for x in held if x in purls)


def complete(remaining: Remaining) -> Iterator[Package]:
    """The packages; those of a database have the namespace that the image's distribution gives.

    Chainguard's images have packages that were built for Wolfi, and their SBOMs say so.
    """
    for package in remaining.packages:
        root, found, _ = package.locations[0].path.partition(f"var/{_DATABASE}")
        vendor, distro = remaining.vendor(root, "")
        if not found or not distro:
            yield package
            continue
        namespace, slash, rest = package.purl.removeprefix("pkg:apk/").partition("/")
        same = not slash or "?" in namespace or namespace == vendor
        yield package if same else package.changed(purl=f"pkg:apk/{vendor}/{rest}")


CATALOGER = Cataloger(
    name=_NAME,
    version=2,
    types=("apk", "bitnami"),
    read=read,
    paths=("**/opt/bitnami/**/.spdx-*.spdx", f"**/var/{_DATABASE}*.spdx.json"),
    complete=complete,
)
