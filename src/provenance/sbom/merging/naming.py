"""What a merged document is called: by all that it says."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import msgspec

from provenance.sbom.model import NAMESPACE
from provenance.sbom.spdx.naming import namespace

__all__ = ["named"]


def named(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a name that is a hash of the rest."""
    if "spdxVersion" in document:
        unnamed = document | {"documentNamespace": ""}
        return document | {"documentNamespace": namespace(msgspec.json.encode(unnamed))}
    unnamed = document | {"serialNumber": ""}
    name = hashlib.sha256(msgspec.json.encode(unnamed)).hexdigest()
    return document | {"serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, name)}"}
