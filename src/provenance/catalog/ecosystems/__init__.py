"""What packages look like on disk: one file or folder an ecosystem, each with a `Cataloger`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.ecosystems import (
    apk,
    binaries,
    conda,
    dotnet,
    dpkg,
    embedded,
    golang,
    java,
    jvm,
    npm,
    opkg,
    php,
    python,
    rpm,
    ruby,
    rust,
)

if TYPE_CHECKING:
    from provenance.catalog.cataloger import Cataloger

__all__ = ["ALL"]

ALL: tuple[Cataloger, ...] = (
    dpkg.CATALOGER,
    opkg.CATALOGER,
    apk.CATALOGER,
    rpm.CATALOGER,
    python.CATALOGER,
    conda.CATALOGER,
    npm.CATALOGER,
    java.CATALOGER,
    golang.CATALOGER,
    rust.CATALOGER,
    ruby.CATALOGER,
    php.CATALOGER,
    dotnet.CATALOGER,
    jvm.CATALOGER,
    binaries.CATALOGER,
    embedded.CATALOGER,
)
"""In the order in which they speak for a package that several find."""
