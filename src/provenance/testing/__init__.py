"""For other people's tests, and for demonstrations: a registry, a Sigstore, images to put there.

All of it real protocol on loopback. Names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.testing.environment_image import image_from_environment
    from provenance.testing.images import BuiltImage, ImageBuilder, build_index
    from provenance.testing.key_services import LocalKms, LocalTransit
    from provenance.testing.registry import LocalRegistry
    from provenance.testing.sigstore import LocalSigstore

# Name to module, as the checker reads them above.
_EXPORTS = {
    "BuiltImage": "provenance.testing.images",
    "ImageBuilder": "provenance.testing.images",
    "LocalKms": "provenance.testing.key_services",
    "LocalRegistry": "provenance.testing.registry",
    "LocalSigstore": "provenance.testing.sigstore",
    "LocalTransit": "provenance.testing.key_services",
    "build_index": "provenance.testing.images",
    "image_from_environment": "provenance.testing.environment_image",
}

__all__ = [
    "BuiltImage",
    "ImageBuilder",
    "LocalKms",
    "LocalRegistry",
    "LocalSigstore",
    "LocalTransit",
    "build_index",
    "image_from_environment",
]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'provenance.testing' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
