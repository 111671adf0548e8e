"""A real image out of the running Python environment: its distributions, and the system's packages.

Only metadata is taken, so that it is small and made in a moment: what catalogers read is all
there, what programs need to run is not.
"""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.oci.descriptor import Platform
from provenance.testing.images import BuiltImage, File, ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.testing.layers import Entry

__all__ = ["image_from_environment"]

_SYSTEM = (
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
)
_METADATA = frozenset(
    {"METADATA", "PKG-INFO", "WHEEL", "top_level.txt", "entry_points.txt", "INSTALLER"}
)
_MAX_FILE = 16 << 20
_MAX_COPYRIGHTS = 2000


def image_from_environment(*, root: Path = Path("/")) -> BuiltImage:
    """Build it. What cannot be read is left out, and named in the image's `notes`.

    Args:
        root: where the system's package database is looked for.
    """
    notes: list[str] = []
    system = dict(_system_files(root, notes))
    python = dict(_python_files(notes))
    builder = ImageBuilder(platform=str(Platform.host())).config(
        user="1000",
        env=["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
        command=["python3"],
        labels={"org.opencontainers.image.title": "the running Python environment"},
        created="2024-01-01T00:00:00Z",
    )
    if system:
        builder.layer(system, created_by="COPY the system's package database")
    builder.layer(python, created_by="COPY the installed Python distributions")
    return replace(builder.build(), notes=tuple(notes))


def _system_files(root: Path, notes: list[str]) -> Iterable[tuple[str, Entry]]:
    for name in _SYSTEM:
        data = _read(root / name, notes)
        if data is not None:
            yield name, File(data)
    if (root / "var/lib/dpkg/status").is_file():
        found = sorted((root / "usr/share/doc").glob("*/copyright"))[:_MAX_COPYRIGHTS]
        for path in found:
            data = _read(path, notes)
            if data is not None:
                yield path.relative_to(root).as_posix(), File(data)


def _python_files(notes: list[str]) -> Iterable[tuple[str, Entry]]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = f"usr/local/lib/python{version}/site-packages"
    # By folder, not by RECORD: distributions that a system's packager installed have none.
    roots = dict.fromkeys(
        Path(str(found.locate_file(""))) for found in importlib.metadata.distributions()
    )
    seen: set[str] = set()
    for folder in (f for root in roots for f in sorted(root.glob("*.*-info"))):
        if folder.name in seen or folder.suffix not in {".dist-info", ".egg-info"}:
            continue  # the first on the path is the one that is imported
        seen.add(folder.name)
        for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
            if path.name in _METADATA or path == folder:
                data = _read(path, notes)
                if data is not None:
                    yield f"{site}/{path.relative_to(folder.parent).as_posix()}", File(data)


def _read(path: Path, notes: list[str]) -> bytes | None:
    """A file's content; None where it is not there, or, with a note, not to be had."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        notes.append(f"{path}: {error.strerror or error}")
        return None
    if len(data) > _MAX_FILE:
        notes.append(f"{path}: larger than {_MAX_FILE} bytes")
        return None
    return data
