"""Java archives: jars, wars and their kin, and the jars inside of them.

manifest   MANIFEST.MF and properties
pom        pom.xml
names      file names and repository folders
groups     groups of well-known artifacts
identity   which artifact a jar is
reading    from a file to packages and relations
"""

from __future__ import annotations

from provenance.catalog.ecosystems.java.reading import CATALOGER

__all__ = ["CATALOGER"]
