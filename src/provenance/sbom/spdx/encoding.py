"""Documents are UTF-8, and what a name in an image holds need not be: it is made to fit then."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provenance.sbom.collection import paused_collection
from provenance.sbom.model import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.sbom.model import Contents

__all__ = ["in_utf8"]


def in_utf8(write: Callable[[Contents], bytes], contents: Contents) -> bytes:
    """The document that `write` makes; lone surrogates in it become U+FFFD.

    Looked for only where the encoder met one, as that is rare and there are many texts.
    """
    with paused_collection():
        try:
            return write(contents)
        except UnicodeEncodeError:
            return write(_cleaned(contents))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_cleaned(item) for item in value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return dataclasses.replace(value, **{n: _cleaned(getattr(value, n)) for n in names})
    return value
