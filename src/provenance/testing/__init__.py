"""For other people's tests, and for demonstrations: a registry, a Sigstore, images to put there.

All of it real protocol on loopback. Names are loaded on first use.
"""

from __future__ import annotations

from typing import Any

_EXPORTS = {
    "BuiltImage": "provenance.testing.images",
    "ImageBuilder": "provenance.testing.images",
    "LocalRegistry": "provenance.testing.registry",
    "LocalSigstore": "provenance.testing.sigstore",
    "build_index": "provenance.testing.images",
    "image_from_environment": "provenance.testing.environment_image",
}

__all__ = [*_EXPORTS]  # noqa: PLE0604 - a literal table of strings # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'provenance.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)
