"""What SPDX has no field for, as pairs in one annotation or comment an element, and back.

`sbom.carried` says what every format lacks; here is what SPDX lacks besides, and whatever its
own fields could not return to the letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from provenance.packages.os_release import OsRelease
from provenance.sbom import carried
from provenance.sbom.carried import PREFIX
from provenance.sbom.model import digest_or_none
from provenance.sbom.spdx.vocabulary import (
    PURPOSES,
    checksums,
    declared,
    is_cpe,
    is_url,
    purpose_kind,
    read_actor,
    returns_actor,
    written_actor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provenance.packages.package import ListedFile, Package
    from provenance.sbom.model import Subject

__all__ = [
    "DISTRIBUTION",
    "SUBJECT",
    "comment",
    "distribution_pairs",
    "file_pairs",
    "hash_pairs",
    "other_pairs",
    "owner_pair",
    "package_pairs",
    "pairs_of",
    "restore_distribution",
    "restore_file",
    "restore_hashes",
    "restore_other",
    "restore_package",
    "restore_subject",
    "subject_pairs",
]

Pairs = list[tuple[str, str]]
_COMMENT = "provenance "
SUBJECT = f"{PREFIX}subject"
"""Name of the pair that only what a document describes has."""
DISTRIBUTION = f"{PREFIX}distribution"
"""Name of the pair that only the distribution has."""
_NATIVE = frozenset({"author", "homepage", "kind", "cpes"})
_HASH, _LICENSE, _SUPPLIER = f"{PREFIX}hash:", f"{PREFIX}license", f"{PREFIX}supplier"
_OTHER, _OTHER_HASH = f"{PREFIX}document", f"{PREFIX}document-hash:"
_SIZE, _FILE_LAYER, _OWNER = f"{PREFIX}size", f"{PREFIX}layer", f"{PREFIX}owner"


def comment(pairs: Pairs) -> str:
    """The text that carries the pairs."""
    return _COMMENT + msgspec.json.encode(pairs).decode()


def pairs_of(text: object) -> Pairs | None:
    """The pairs of such a text; None where it is another. Raises msgspec.DecodeError."""
    if not isinstance(text, str) or not text.startswith(_COMMENT + "["):
        return None
    raw = text.removeprefix(_COMMENT).encode("utf-8", "replace")
    return msgspec.json.decode(raw, type=list[tuple[str, str]])


def hash_pairs(hashes: Iterable[tuple[str, str]]) -> Pairs:
    """Hashes that no checksum can say."""
    return [(_HASH + name, value) for name, value in hashes]


def restore_hashes(pairs: Pairs, stated: Mapping[str, str]) -> dict[str, str]:
    """They again, beside those that are stated: of one algorithm they differ in case alone."""
    found = {n.removeprefix(_HASH): v for n, v in pairs if n.startswith(_HASH)}
    return _exact(stated, found)


def _exact(stated: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    fits = {n: v for n, v in found.items() if n not in stated or stated[n].lower() == v.lower()}
    return {**stated, **fits}


def package_pairs(
    package: Package,
    history: Mapping[str, str],
    *,
    purposes: Mapping[str, str] = PURPOSES,
    checksums_of: Callable[[Mapping[str, str]], tuple[Pairs, ...]] = checksums,
) -> Pairs:
    """Everything of a package that the fields of both generations would not return.

    Args:
        package: what to carry.
        history: digest of a layer to the instruction that made it, as the subject says it once.
        purposes: the kinds that the version has words for.
        checksums_of: tells the hashes that it can say from those to carry.
    """
    unsaid = []
    if package.author and not returns_actor(package.author):
        unsaid.append("author")
    if package.homepage and not is_url(package.homepage):
        unsaid.append("homepage")
    if package.kind and (package.kind == "library" or package.kind not in purposes):
        unsaid.append("kind")
    if package.cpes and not all(map(is_cpe, package.cpes)):
        unsaid.append("cpes")
    native = _NATIVE.difference(unsaid) if unsaid else _NATIVE
    pairs = carried.unsaid(package, native, history)
    if package.hashes:
        pairs += hash_pairs(checksums_of(package.hashes)[1])
    if len(package.licenses) > 1:
        pairs += [(_LICENSE, text) for text in package.licenses]
    if package.supplier and not returns_actor(package.supplier):
        pairs.append((_SUPPLIER, package.supplier))
    return pairs


_RETURNS: dict[str, Callable[[Any], Any]] = {
    "licenses": lambda texts: (declared(texts, {}),),
    "supplier": lambda text: read_actor(written_actor("Organization", text)),
    "author": lambda text: read_actor(written_actor("Person", text)),
    "cpes": lambda names: tuple(filter(is_cpe, names)),
}


def restore_package(
    pairs: Pairs, history: Mapping[str, str], stated: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields of a `Package`: those that are stated, and what was carried besides."""
    if not pairs:
        return dict(stated)
    fields: dict[str, Any] = carried.restore(pairs, history=history)
    if found := tuple(v for n, v in pairs if n == _LICENSE):
        fields["licenses"] = found
    if supplier := dict(pairs).get(_SUPPLIER):
        fields["supplier"] = supplier
    own = {name: value for name, value in stated.items() if name != "type"}
    return {**stated, **carried.agreed(own, fields, _RETURNS)}


def file_pairs(file: ListedFile) -> Pairs:
    """What a file of SPDX does not say."""
    pairs = []
    if file.size >= 0:
        pairs.append((_SIZE, str(file.size)))
    if file.layer is not None:
        pairs.append((_FILE_LAYER, str(file.layer)))
    return pairs


def owner_pair(file: ListedFile) -> tuple[str, str]:
    """The owner, where no relationship can tell it."""
    return _OWNER, file.owner


def restore_file(pairs: Pairs, owner: str) -> dict[str, Any]:
    """The fields of a `ListedFile` that were carried, hashes apart; `owner` where one is stated."""
    found = dict(pairs)
    fields: dict[str, Any] = {"layer": digest_or_none(found.get(_FILE_LAYER)), "owner": owner}
    if (size := _number(found.get(_SIZE, ""))) is not None:
        fields["size"] = size
    if _OWNER in found and not owner:
        fields["owner"] = found[_OWNER]
    return fields


def other_pairs(uri: str, hashes: Iterable[tuple[str, str]], *, whole: bool = False) -> Pairs:
    """What a reference to another document does not say; with `whole`, its URI too."""
    pairs = [(_OTHER, uri)] if whole else []
    return pairs + [(_OTHER_HASH + name, value) for name, value in hashes]


def restore_other(
    pairs: Pairs, stated: Mapping[str, str] | None = None
) -> tuple[str | None, dict[str, str]]:
    """Both again, with the hashes that are stated."""
    hashes = {n.removeprefix(_OTHER_HASH): v for n, v in pairs if n.startswith(_OTHER_HASH)}
    return dict(pairs).get(_OTHER), _exact(stated or {}, hashes)


def subject_pairs(subject: Subject, *, with_distribution: bool = False) -> Pairs:
    """What a package of SPDX cannot say about an image, and that it is what is described.

    Args:
        subject: the image.
        with_distribution: of a version without purposes, in which a system would be a package.
    """
    native = {"digest"} if with_distribution else {"digest", "distribution"}
    return [(SUBJECT, subject.type), *carried.carry_subject(subject, native=native)]


def restore_subject(pairs: Pairs, stated: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Subject`: those that are stated, and what was carried besides."""
    fields = carried.restore_subject(pairs)
    if (kind := dict(pairs).get(SUBJECT)) is not None:
        fields["type"] = kind
    returns = _SUBJECT_RETURNS if stated.get("type") else {}
    return {**stated, **carried.agreed(stated, fields, returns)}


_SUBJECT_RETURNS: dict[str, Callable[[Any], Any]] = {
    "type": lambda kind: purpose_kind(PURPOSES.get(kind, "CONTAINER")),
}


def distribution_pairs(distribution: OsRelease) -> Pairs:
    """os-release, and that this is the subject's distribution."""
    return [(DISTRIBUTION, ""), *carried.carry_distribution(distribution)]


def restore_distribution(pairs: Pairs, name: object, version: object) -> OsRelease | None:
    """It again; None where no such pairs are there, or they contradict name and version."""
    found = OsRelease(**carried.restore_distribution(pairs))
    called = found.pretty_name or found.name or found.id
    fits = any(n == DISTRIBUTION for n, _ in pairs) and found.version_id == version
    return found if fits and called == name else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
