"""trivy on a layout or archive, as the benchmarks run it: on its own, and with nothing cached."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SURROUNDINGS", "command", "empty_cache"]

SURROUNDINGS = {"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}
# Version 1 of trivy-java-db: hashes of the jars on Maven Central, by which trivy names those that
# do not name themselves. It reads no jar without a database, so it gets one that knows none.
_JAVA = """
CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
CREATE TABLE indices(
  artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT,
  FOREIGN KEY (artifact_id) REFERENCES artifacts(id));
"""
_NEVER = "2999-01-01T00:00:00Z"


def command(program: str, cache: Path, image: Path) -> list[str]:
    """Its SBOM of an OCI layout or a docker archive, in CycloneDX."""
    how = ("--format", "cyclonedx", "--offline-scan", "--skip-java-db-update", "-q")
    return [program, "--cache-dir", str(cache), "image", "--input", str(image), *how]


def empty_cache(cache: Path) -> None:
    """Make a cache, or make it anew: no layer in it, and a database of no jars."""
    shutil.rmtree(cache, ignore_errors=True)
    folder = cache / "java-db"
    folder.mkdir(parents=True)
    database = sqlite3.connect(folder / "trivy-java.db")
    database.executescript(_JAVA)
    database.close()
    when = {"NextUpdate": _NEVER, "UpdatedAt": _NEVER, "DownloadedAt": _NEVER}
    (folder / "metadata.json").write_text(json.dumps({"Version": 1, **when}))
