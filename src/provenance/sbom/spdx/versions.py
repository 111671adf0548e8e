"""What SPDX 2.2 says otherwise than 2.3. Source: both, and their JSON schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.spdx.vocabulary import UNKNOWN_SHA1

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ADDED_CHECKSUMS", "category", "reword"]

ADDED_CHECKSUMS = frozenset(
    {
        *("adler32", "blake2b256", "blake2b384", "blake2b512", "blake3"),
        *("sha3256", "sha3384", "sha3512"),
    }
)
"""Algorithms that 2.2 has no word for, as the model names them."""
_WORDS_OF_2_2 = {"PACKAGE-MANAGER": "PACKAGE_MANAGER", "PERSISTENT-ID": "OTHER"}
"""2.2 has no word for the second."""
_NOT_SAID = "NOASSERTION"
_DEMANDED = {
    "packages": ("licenseConcluded", "licenseDeclared", "copyrightText"),
    "files": ("licenseConcluded", "copyrightText"),
    "snippets": ("licenseConcluded", "copyrightText"),
}
"""Fields that may be left out since 2.3."""
_UNNAMED = "Tool: provenance"
"""Without a version, which is how documents begin that were made here."""


def category(word: object, version: str) -> Any:
    """The category of an external reference as the JSON of a version writes it."""
    if not isinstance(word, str) or (dashed := word.replace("_", "-")) not in _WORDS_OF_2_2:
        return word
    return _WORDS_OF_2_2[dashed] if version == "2.2" else dashed


def reword(document: dict[str, Any], version: str) -> None:
    """Say a document of SPDX 2 in the words of `version`, in place."""
    for item in _objects(document, "packages"):
        for reference in _objects(item, "externalRefs"):
            if "referenceCategory" in reference:
                reference["referenceCategory"] = category(reference["referenceCategory"], version)
    if version != "2.2":
        _complete(document)
        return
    for key, fields in _DEMANDED.items():
        for item in _objects(document, key):
            for field in fields:
                item.setdefault(field, _NOT_SAID)
    for item in _objects(document, "files"):
        item["licenseInfoInFiles"] = item.get("licenseInfoInFiles") or [_NOT_SAID]


def _complete(document: dict[str, Any]) -> None:
    """What may be left out until 2.2: who made the document, and the checksums of its files."""
    info = document.get("creationInfo")
    if isinstance(info, dict) and not info.get("creators"):
        info["creators"] = [_UNNAMED]
    for item in _objects(document, "files"):
        item["checksums"] = item.get("checksums") or [dict(UNKNOWN_SHA1)]


def _objects(item: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = item.get(key)
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []
