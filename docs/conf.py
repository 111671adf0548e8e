"""Sphinx: furo, MyST, notebooks as they were committed, and an API page a room."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from _reference import write_references

from provenance import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "provenance"
author = "The provenance authors"
copyright = "the provenance authors, Apache-2.0"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "provenance"
exclude_patterns = ["_build", "_reference.py"]
nb_execution_mode = "off"  # the tests run them
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
add_module_names = False
python_use_unqualified_type_names = True
# The one stdlib and the one private base class that signatures name; no inventory is fetched.
nitpick_ignore = [
    ("py:class", "enum.Enum"),
    ("py:class", "collections.abc.Mapping"),
    ("py:class", "collections.abc.Sequence"),
]

write_references(Path(__file__).parent)


def setup(app: Sphinx) -> None:
    """Keep napoleon away from the docstrings of attributes.

    It reads `Where to sign: …` as a type `Where to sign`. Ours are prose, so what it made of
    them is put back.
    """
    prose: dict[str, list[str]] = {}

    def keep(
        _app: Sphinx, what: str, name: str, _obj: Any, _options: Any, lines: list[str]
    ) -> None:
        if what in {"attribute", "data", "property"}:
            prose[name] = list(lines)

    def put_back(
        _app: Sphinx, _what: str, name: str, _obj: Any, _options: Any, lines: list[str]
    ) -> None:
        if name in prose:
            lines[:] = prose.pop(name)

    app.connect("autodoc-process-docstring", keep, priority=400)
    app.connect("autodoc-process-docstring", put_back, priority=600)
