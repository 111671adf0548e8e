"""A real image out of the running Python environment: its distributions, and the system's packages.

Only metadata is taken, so that it is small and made in a moment: what catalogers read is all
there, what programs need to run is not.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.oci.descriptor import Platform
from provenance.testing.images import BuiltImage, File, ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.testing.images import Entry

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
    """Build it. Files that cannot be read are left out.

    Args:
        root: where the system's package database is looked for.
    """
    system = dict(_system_files(root))
    python = dict(_python_files())
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
    return builder.build()


def _system_files(root: Path) -> Iterable[tuple[str, Entry]]:
    for name in _SYSTEM:
        data = _read(root / name)
        if data is not None:
            yield name, File(data)
    if (root / "var/lib/dpkg/status").is_file():
        found = sorted((root / "usr/share/doc").glob("*/copyright"))[:_MAX_COPYRIGHTS]
        for path in found:
            data = _read(path)
            if data is not None:
                yield str(path.relative_to(root)), File(data)


def _python_files() -> Iterable[tuple[str, Entry]]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = f"usr/local/lib/python{version}/site-packages"
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            folder = file.parent.name
            if file.name not in _METADATA or not folder.endswith((".dist-info", ".egg-info")):
                continue
            data = _read(Path(str(file.locate())))
            if data is not None:
                yield f"{site}/{folder}/{file.name}", File(data)


def _read(path: Path) -> bytes | None:
    """A file's content; None where it is not there, not ours to read, or too large."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError:
        return None
    return data if len(data) <= _MAX_FILE else None
