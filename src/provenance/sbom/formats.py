"""`Format`: the kinds of documents, by the names people type."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Format"]


class Format(enum.Enum):
    """A format with its version. The value is its name."""

    CYCLONEDX_1_6 = "cyclonedx-1.6"
    SPDX_2_3 = "spdx-2.3"
    CYCLONEDX_1_2 = "cyclonedx-1.2"
    CYCLONEDX_1_3 = "cyclonedx-1.3"
    CYCLONEDX_1_4 = "cyclonedx-1.4"
    CYCLONEDX_1_5 = "cyclonedx-1.5"
    CYCLONEDX_1_7 = "cyclonedx-1.7"
    SPDX_2_2 = "spdx-2.2"

    @property
    def family(self) -> str:
        """`cyclonedx` or `spdx`."""
        return self.value.partition("-")[0]

    @property
    def writable(self) -> bool:
        """Whether documents can be written in it."""
        return self in {Format.CYCLONEDX_1_6, Format.SPDX_2_3}

    @classmethod
    def parse(cls, name: str | Format) -> Format:
        """The format of a name: `cyclonedx-1.6`, or syft's `cyclonedx-json`, `spdx-json`.

        Raises:
            UnsupportedFormat: no such format can be written; lists those that can.
        """
        if isinstance(name, Format):
            return name
        aliases = {
            "cyclonedx": cls.CYCLONEDX_1_6,
            "cyclonedx-json": cls.CYCLONEDX_1_6,
            "spdx": cls.SPDX_2_3,
            "spdx-json": cls.SPDX_2_3,
        }
        if name in aliases:
            return aliases[name]
        for known in cls:
            if known.value == name:
                return known
        names = ", ".join([*(f.value for f in cls if f.writable), *aliases])
        raise UnsupportedFormat(f"{name!r} is no format that is known", hint=f"use one of {names}")

    @classmethod
    def of_path(cls, path: Path) -> Format | None:
        """The format that a file's ending asks for: `.cdx.json`, `.spdx.json`; None: any."""
        name = path.name.lower()
        if name.endswith(".spdx.json"):
            return cls.SPDX_2_3
        if name.endswith((".cdx.json", ".cyclonedx.json", "bom.json")):
            return cls.CYCLONEDX_1_6
        return None
