"""Values that the JSON schemas of CycloneDX take and its XML schemas do not: taken out.

Source: `cpe`, every `xs:anyURI`, and `refType`, in bom-1.0.xsd to bom-1.7.xsd. Since 1.3 the JSON
schemas hold addresses to RFC 3987 themselves, but no purl, and not those of vulnerabilities'
sources; nor do they demand that what a composition names has a name. That of 1.4 takes anything
for what a vulnerability refers to or affects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.sbom.cyclonedx.older import components_of
from provenance.sbom.cyclonedx.versions import CPE, LOCATOR, PURL, URL
from provenance.sbom.items import items, text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["without_odd_values"]

_CPE_2_2 = re.compile(r"[cC][pP][eE]:/[AHOaho]?(?::[A-Za-z0-9._\-~%]*){0,6}", re.ASCII)
_RISKY = re.compile(r"[\[\]%#:]")
"""Without one of these a text is taken for an address, whatever else is in it."""


def without_odd_values(document: dict[str, Any], version: str) -> None:
    """Take out what no XML schema takes, in place: the caller keeps it, or tells.

    An address, too, of which it is not certain that it is taken.
    """
    for component in components_of(document):
        cpe, purl = component.get("cpe"), text(component, "purl")
        if isinstance(cpe, str) and not (CPE.fullmatch(cpe) or _CPE_2_2.fullmatch(cpe)):
            del component["cpe"]
        if not PURL.fullmatch(purl) and _RISKY.search(purl.removeprefix("pkg:")):
            del component["purl"]
        if version < "1.3":
            for holder in _addressed(component):
                _without_odd_address(holder)
    for vulnerability in items(document.get("vulnerabilities")):
        _without_odd_findings(vulnerability)
    for composition in items(document.get("compositions")):
        for key in ("assemblies", "dependencies", "vulnerabilities"):
            if isinstance(named := composition.get(key), list) and "" in named:
                composition[key] = [ref for ref in named if ref != ""]


def _addressed(component: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from items(component.get("externalReferences"))
    for choice in items(component.get("licenses")):
        if isinstance(choice.get("license"), dict):
            yield choice["license"]


def _without_odd_findings(vulnerability: dict[str, Any]) -> None:
    for key in ("references", "affects"):
        if isinstance(listed := vulnerability.get(key), list):
            vulnerability[key] = items(listed)
    # Who published it, what it refers to, and how grave it is.
    said = ("references", "ratings")
    for holder in (vulnerability, *(x for key in said for x in items(vulnerability.get(key)))):
        if isinstance(holder.get("source"), dict):
            _without_odd_address(holder["source"])


def _without_odd_address(holder: dict[str, Any]) -> None:
    url = holder.get("url")
    if isinstance(url, str) and not _is_address(url):
        del holder["url"]


def _is_address(url: str) -> bool:
    return bool(URL.fullmatch(url) or LOCATOR.fullmatch(url)) or not _RISKY.search(url)
