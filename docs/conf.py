"""Sphinx: furo, MyST, notebooks as they were committed, and an API page a room."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _reference import write_references

from provenance import __version__

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
autodoc_default_options = {"members": True, "show-inheritance": False}
add_module_names = False
python_use_unqualified_type_names = True
# Types are in the signatures of the source; only prose is cross-referenced here.
nitpick_ignore_regex = [("py:.*", ".*")]

write_references(Path(__file__).parent)
