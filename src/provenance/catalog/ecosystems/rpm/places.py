"""Where rpm keeps its databases, and what lists packages where there is none."""

from __future__ import annotations

__all__ = ["FILES", "FOLDERS", "LOG_SUFFIX", "MANIFEST"]

LOG_SUFFIX = "-wal"
FOLDERS = ("var/lib/rpm", "usr/share/rpm", "usr/lib/sysimage/rpm")
FILES = ("Packages", "Packages.db", "rpmdb.sqlite", f"rpmdb.sqlite{LOG_SUFFIX}")
MANIFEST = "var/lib/rpmmanifest/container-manifest-2"
