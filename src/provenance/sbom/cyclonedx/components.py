"""Components: what the view says of packages, files and the subject, as CycloneDX has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.carried import PREFIX, carry_distribution, carry_subject, unsaid
from provenance.sbom.cyclonedx.references import comment_of
from provenance.sbom.cyclonedx.versions import (
    CPE,
    HASHES,
    HEX,
    LOCATOR,
    PURL,
    URL,
    UUID,
    Version,
)
from provenance.sbom.licensing import cyclonedx_licenses
from provenance.sbom.model import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.packages.os_release import OsRelease
    from provenance.packages.package import ListedFile, Package, Reference
    from provenance.sbom.model import OtherDocument, Subject

__all__ = ["Components", "add_document"]

Pairs = list[tuple[str, str]]

_NATIVE = frozenset({"author", "kind", "cpes"})
# Component types that are read as a file or as the distribution unless `kind` says otherwise.
_SPECIAL = ("file", "operating-system")
_MAX_LOCATOR = 4096
# How catalogers of these names learn what is there, in CycloneDX's words. Each reads what the
# package itself states, so its confidence is 1; others, which go by rules of thumb, claim none.
_TECHNIQUES = {
    **dict.fromkeys(("apk", "dpkg", "rpm", "python", "npm", "java"), "manifest-analysis"),
    **dict.fromkeys(("ruby", "php", "dotnet", "conda", "jvm"), "manifest-analysis"),
    **dict.fromkeys(("go", "golang", "rust", "cargo"), "binary-analysis"),
}


class Components:
    """Makes components of one version; what it has no field for becomes properties.

    Texts go in as they are: half characters are for the whole document to find.
    """

    def __init__(
        self,
        version: Version,
        subject: Subject | None,
        license_texts: Mapping[str, str] | None = None,
    ) -> None:
        """Layers that `subject` lists are not explained again at each package."""
        self._references, self._texts = version.references, license_texts or {}
        self._xml, self._mixed = version.xml, version.mixes_licenses
        self._has_occurrences, self._has_authors = version.has_occurrences, version.has_authors
        self._lists_identity = version.minor >= 7
        self._types = version.types
        layers = subject.layers if subject else ()
        self._history = {str(x.digest): x.created_by for x in layers if x.created_by}
        self._native = _NATIVE | ({"locations"} if self._has_occurrences else frozenset())
        self._with_homepage = self._native | {"homepage"}

    def package(
        self,
        package: Package,
        ref: str,
        *,
        contains: Iterable[str] = (),
        other: OtherDocument | None = None,
    ) -> dict[str, Any]:
        """A package, with the refs of those inside it and the document that describes it."""
        kind = package.kind if package.kind in self._types else "library"
        out: dict[str, Any] = {"type": kind, "bom-ref": ref}
        homepage = package.homepage if package.homepage and _is_url(package.homepage) else ""
        native = self._with_homepage if homepage else self._native
        pairs = unsaid(package, native, self._history)
        if kind in _SPECIAL or package.kind != ("" if kind == "library" else kind):
            pairs.append((f"{PREFIX}kind", package.kind))
        self._names(out, package)
        pairs += self._facts(out, package)
        references = [{"type": "website", "url": homepage}] if homepage else []
        if package.download and _is_url(package.download):
            references.append({"type": "distribution", "url": package.download})
        if other is not None:
            pairs += add_document(references, other)
        references += [
            self._reference(x) for x in package.references if _is_url(x.url) or _is_locator(x.url)
        ]
        if references:
            out["externalReferences"] = references
        if package.locations and self._has_occurrences:
            self._evidence(out, package, pairs)
        pairs += [(f"{PREFIX}contains", target) for target in contains]
        return _with_properties(out, pairs)

    def _reference(self, reference: Reference) -> dict[str, str]:
        """An external reference; the kind of one of SPDX's own stands in the comment."""
        kind, comment = reference.type, reference.comment
        if reference.category or kind not in self._references:
            kind, comment = "other", comment_of(reference)
        out = {"type": kind, "url": reference.url}
        return out | {"comment": comment} if comment else out

    def _names(self, out: dict[str, Any], package: Package) -> None:
        if package.supplier:
            out["supplier"] = {"name": package.supplier}
        if package.author:
            author = package.author
            out |= {"authors": [{"name": author}]} if self._has_authors else {"author": author}
        out["name"] = package.name
        if package.version:
            out["version"] = package.version
        if package.description:
            out["description"] = package.description

    def _facts(self, out: dict[str, Any], package: Package) -> Pairs:
        """Hashes, licences, CPE and purl; returned is what has to be carried."""
        pairs = _hashes(out, package.hashes)
        if package.copyright:
            out["copyright"] = package.copyright
        if package.licenses:
            pairs += self._licenses(out, package)
        cpes = package.cpes
        if cpes and self._is_cpe(cpes[0]):
            out["cpe"], cpes = cpes[0], cpes[1:]
        pairs += [(f"{PREFIX}cpes", cpe) for cpe in cpes]
        more = [(f"{PREFIX}purl", purl) for purl in package.more_purls]
        return pairs + self._purl(out, package.purl) + more

    def _licenses(self, out: dict[str, Any], package: Package) -> Pairs:
        """Declared licences, and beside them, or without any, the concluded."""
        known = "declared" if package.is_declared else "concluded"
        listed, exact = cyclonedx_licenses(
            package.licenses, mixed=self._mixed, said=known if self._has_authors else ""
        )
        pairs = [] if exact else [(f"{PREFIX}license", text) for text in package.licenses]
        if package.is_declared and package.concluded and self._has_authors:
            more, _ = cyclonedx_licenses(package.concluded, mixed=self._mixed, said="concluded")
            # Until 1.6 an expression stands alone.
            if self._mixed or not any("expression" in x for x in (*listed, *more)):
                listed = [*listed, *more]
        out["licenses"] = [self._with_text(x) for x in listed] if self._texts else listed
        return pairs

    def _with_text(self, choice: dict[str, Any]) -> dict[str, Any]:
        """The text of a licence that is no listed one, where the document has it."""
        stated = choice.get("license", {})
        text = self._texts.get(stated.get("name", ""))
        return {"license": {**stated, "text": {"content": text}}} if text else choice

    def _is_cpe(self, text: str) -> bool:
        """The XML schema has a pattern for it, the JSON schema has none."""
        return text.startswith("cpe:") and (not self._xml or CPE.fullmatch(text) is not None)

    def _purl(self, out: dict[str, Any], purl: str) -> Pairs:
        if not purl:
            return []
        if self._xml and not PURL.fullmatch(purl):
            return [(f"{PREFIX}purl", purl)]
        out["purl"] = purl
        return []

    def _evidence(self, out: dict[str, Any], package: Package, pairs: Pairs) -> None:
        paths = [location.path for location in package.locations]
        evidence: dict[str, Any] = {}
        technique = _TECHNIQUES.get(package.cataloger)
        if technique is not None and "purl" in out:
            method = {"technique": technique, "confidence": 1, "value": paths[0]}
            identity = {"field": "purl", "confidence": 1, "methods": [method]}
            # 1.6 takes one object and a list, but there are readers that know the object alone.
            evidence["identity"] = [identity] if self._lists_identity else identity
        evidence["occurrences"] = [{"location": path} for path in paths]
        out["evidence"] = evidence
        pairs += [  # readers take a leading slash away
            (f"{PREFIX}location:{number}:path", path)
            for number, path in enumerate(paths)
            if path.startswith("/")
        ]

    def file(self, file: ListedFile, ref: str) -> dict[str, Any]:
        """A file."""
        out: dict[str, Any] = {"type": "file", "bom-ref": ref, "name": file.path}
        pairs = _hashes(out, file.hashes)
        if file.path.startswith("/"):
            pairs.append((f"{PREFIX}path", file.path))
        if file.size >= 0:
            pairs.append((f"{PREFIX}size", str(file.size)))
        if file.layer is not None:
            pairs.append((f"{PREFIX}layer", str(file.layer)))
        if file.owner:
            pairs.append((f"{PREFIX}owner", file.owner))
        return _with_properties(out, pairs)

    def subject(
        self, subject: Subject, ref: str, other: OtherDocument | None = None
    ) -> dict[str, Any]:
        """What the document describes."""
        kind = subject.type if subject.type in self._types else "container"
        about = {} if subject.about is None else self.package(subject.about, ref)
        out: dict[str, Any] = {**about, "type": kind, "bom-ref": ref, "name": subject.name}
        if subject.version:
            out["version"] = subject.version
        native = {"distribution"}
        if subject.digest is not None and kind == "container":
            # Only a container's hash is read as the digest of a manifest.
            native.add("digest")
            algorithm = HASHES[subject.digest.algorithm]
            said = {"alg": algorithm, "content": subject.digest.hex}
            out["hashes"] = [said, *(x for x in out.get("hashes", ()) if x != said)]
        pairs = self._purl(out, subject.purl) + carry_subject(subject, native=native)
        if subject.type not in ("", kind):
            pairs.append((f"{PREFIX}type", subject.type))
        references: list[dict[str, Any]] = list(out.get("externalReferences", ()))
        if other is not None:
            pairs += add_document(references, other)
        if references:
            out["externalReferences"] = references
        named = {name for name, _ in pairs}
        before = [(x["name"], x["value"]) for x in about.get("properties", ())]
        return _with_properties(out, pairs + [x for x in before if x[0] not in named])

    def distribution(self, release: OsRelease, ref: str) -> dict[str, Any]:
        """What os-release says, as the component that scanners look for."""
        out = {"type": "operating-system", "bom-ref": ref, "name": release.id}
        if release.version_id:
            out["version"] = release.version_id
        if release.pretty_name:
            out["description"] = release.pretty_name
        native = {"id", "version_id", "pretty_name"}
        return _with_properties(out, carry_distribution(release, native=native))


@lru_cache(maxsize=1024)
def _is_url(text: str) -> bool:
    """Cached: packages of one source share a home page."""
    return URL.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _is_locator(text: str) -> bool:
    """Cached as the above."""
    return len(text) < _MAX_LOCATOR and LOCATOR.fullmatch(text) is not None


def _with_properties(out: dict[str, Any], pairs: Pairs) -> dict[str, Any]:
    if pairs:
        out["properties"] = [{"name": name, "value": value} for name, value in pairs]
    return out


def _hashes(out: dict[str, Any], hashes: Mapping[str, str]) -> Pairs:
    """Those the schema takes into `out`; the rest is returned."""
    if not hashes:
        return []
    native, rest = [], []
    for algorithm, value in sorted(hashes.items()):
        if algorithm in HASHES and HEX.fullmatch(value):
            native.append({"alg": HASHES[algorithm], "content": value})
        else:
            rest.append((f"{PREFIX}hash:{algorithm}", value))
    if native:
        out["hashes"] = native
    return rest


def add_document(references: list[dict[str, Any]], other: OtherDocument) -> Pairs:
    """A reference to another SBOM, by BOM-Link where it has a serial number."""
    serial = other.uri.removeprefix("urn:uuid:")
    reference: dict[str, Any] = {"type": "bom", "url": other.uri}
    left = _hashes(reference, other.hashes)
    if other.uri.startswith("urn:uuid:") and UUID.fullmatch(serial):
        reference["url"] = f"urn:cdx:{serial}/1"
    elif not _is_url(other.uri):
        left.append(("", ""))
    if not left:
        references.append(reference)
        return []
    hashes = {clean(name): clean(value) for name, value in other.hashes.items()}
    exact = msgspec.json.encode([clean(other.uri), hashes], order="deterministic")
    return [(f"{PREFIX}other", exact.decode())]
