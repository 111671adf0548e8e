"""SPDX 2 as YAML: the shape of its JSON. Source: SPDX 2.3, section 5.2; YAML 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from provenance.sbom.spdx.encoding import in_utf8
from provenance.sbom.spdx.writing import as_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.sbom.model import Contents

__all__ = ["encode", "write"]

# The one written in C is ten times as quick, and is not there everywhere.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_WIDTH = 2**30
"""No line is folded: a folded one is hard to find again."""


def write(contents: Contents, version: str = "2.3") -> bytes:
    """An SPDX 2 document in YAML. The same contents give the same bytes."""
    return in_utf8(lambda found: encode(as_document(found, version)), contents)


def encode(document: Mapping[str, Any]) -> bytes:
    """A document in the shape of its JSON, as YAML. Texts that look like dates are quoted."""
    text: str = yaml.dump(
        dict(document), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text.encode()


class _Plain(_DUMPER):  # type: ignore[misc]  # which one is told at run time
    """Says a value that stands in two places twice: readers refuse references to one."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True
