"""What a refresh by TUF leaves for the next one: one file a repository, replaced whole.

A single file, so that processes which refresh at once never see half of each other's work.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument
from provenance.settings import Limits
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kept", "cache_file", "kept_repositories", "read_kept", "write_kept"]

_NAME = "refreshed.json"
_MAX_FILES = 4  # of the largest size: a root, a signing configuration, and what is signed of them


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of one repository, as they were when it was refreshed. Nothing here is verified."""

    url: str
    fetched: dt.datetime
    files: Mapping[str, bytes]
    """By name: `root_history/N.root.json`, `timestamp.json`, `targets/NAME`, and so on."""


def cache_file(url: str, cache_dir: Path) -> Path:
    """Where the files of the repository at `url` are kept."""
    return cache_dir / "tuf" / hashlib.sha256(url.encode()).hexdigest()[:16] / _NAME


def read_kept(file: Path) -> Kept | None:
    """What is kept in `file`; None: nothing, or nothing that can be read."""
    limit = _MAX_FILES * Limits().trust_bytes
    try:
        with file.open("rb") as stream:
            raw = stream.read(limit + 1)
        if len(raw) > limit:
            return None
        document = decode_object(raw)
        files = {str(n): base64.b64decode(d, validate=True) for n, d in document["files"].items()}
        fetched = dt.datetime.fromisoformat(document["fetched"])
        if fetched.tzinfo is None:
            return None
        return Kept(str(document["url"]), fetched, files)
    except (OSError, MalformedDocument, LookupError, TypeError, AttributeError):
        return None
    except (ValueError, binascii.Error):
        return None


def write_kept(file: Path, kept: Kept) -> bool:
    """Replace what is in `file`; whether that was possible."""
    document = {
        "url": kept.url,
        "fetched": kept.fetched.isoformat(),
        "files": {n: base64.b64encode(d).decode("ascii") for n, d in sorted(kept.files.items())},
    }
    written: str | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as stream:
            written = stream.name
            stream.write(json.dumps(document).encode())
        Path(written).replace(file)
    except OSError:
        if written is not None and os.path.lexists(written):
            Path(written).unlink()
        return False
    return True


def kept_repositories(cache_dir: Path) -> list[tuple[Path, Kept | None]]:
    """Every file of a repository below `cache_dir`, and what is in it."""
    return [(file, read_kept(file)) for file in sorted(cache_dir.glob(f"tuf/*/{_NAME}"))]
