"""Images: config, platforms, layers, and the files in them without unpacking anything."""

from __future__ import annotations

from provenance.image.config import Config, History
from provenance.image.file import File
from provenance.image.image import Image
from provenance.image.layer import Layer
from provenance.image.resolving import ImageLike, resolve

__all__ = ["Config", "File", "History", "Image", "ImageLike", "Layer", "resolve"]
