"""What is this image, what is in it, who built and signed it: one import that says why.

Everyday names are loaded on first use (PEP 562): `import provenance` costs nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Name to module: a literal table, so that reading it runs nothing.
_EXPORTS = {
    "Digest": "provenance.digests",
    "Finding": "provenance.findings",
    "Limits": "provenance.settings",
    "Outcome": "provenance.findings",
    "ProvenanceError": "provenance.errors",
    "Report": "provenance.findings",
    "Settings": "provenance.settings",
}

__all__ = ["__version__", *_EXPORTS]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'provenance' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
