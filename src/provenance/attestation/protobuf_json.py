"""`Message`: a Protobuf message in its JSON form, read in one way only.

Source: Protobuf's JSON mapping ("ProtoJSON"), of which readers must take a field in camelCase and
in its original name, integers as numbers and as strings, and null for a field that is not there.
A field in both spellings is refused: one reader would show the one, and another prove the other.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Message", "decode_base64"]

_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and where it stands."""

    fields: Mapping[str, Any]
    at: str = ""
    """JSON pointer of the message."""

    @classmethod
    def of(cls, value: Any, at: str) -> Message:
        """The message that `value` is. Raises MalformedDocument for any other JSON value."""
        if not isinstance(value, dict):
            raise MalformedDocument("must be an object", pointer=at)
        return cls(value, at)

    def only(self, *names: str) -> Message:
        """The message itself, which may have these fields (in camelCase) and no other.

        Parsers refuse unknown fields unless told otherwise (ProtoJSON), and so do cosign and the
        Sigstore clients: a misspelt field would else be a part that is not there.

        Raises:
            UnsupportedFormat: it has another field.
        """
        known = _spellings(names)
        for name in self.fields:
            if name not in known:
                raise UnsupportedFormat(
                    f"{self.at or 'the message'} has a field {name[:50]!r} that is not known here",
                    hint="it is damaged, or of a later version",
                )
        return self

    def value(self, name: str) -> Any:
        """The field `name` (in camelCase) in either spelling; None where it is not there.

        Raises:
            MalformedDocument: it is there in both spellings.
        """
        original = _original(name)
        if original != name and name in self.fields and original in self.fields:
            raise MalformedDocument(f"has both {name} and {original}", pointer=self.at)
        return self.fields[name] if name in self.fields else self.fields.get(original)

    def has(self, name: str) -> bool:
        """Whether the field is there, and is not null."""
        return self.value(name) is not None

    def message(self, name: str) -> Message:
        """The message in a field. Raises MalformedDocument where there is none."""
        return self.of(self.value(name), self.pointer(name))

    def messages(self, name: str, most: int) -> tuple[Message, ...]:
        """The messages in a repeated field, at most `most`. Raises MalformedDocument."""
        value = self.value(name)
        if value is None:
            return ()
        at = self.pointer(name)
        if not isinstance(value, list):
            raise MalformedDocument("must be an array", pointer=at)
        if len(value) > most:
            raise LimitExceeded(f"{at} has {len(value)} items, more than {most}")
        return tuple(self.of(item, f"{at}/{i}") for i, item in enumerate(value))

    def text(self, name: str) -> str:
        """A string; empty where it is not there. Raises MalformedDocument."""
        value = self.value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise MalformedDocument("must be a string", pointer=self.pointer(name))
        return value

    def data(self, name: str) -> bytes:
        """Bytes in base64; empty where they are not there. Raises MalformedDocument."""
        return decode_base64(self.text(name), self.pointer(name))

    def number(self, name: str) -> int:
        """An integer from 0 to 2^63-1; 0 where it is not there. Raises MalformedDocument."""
        value, at = self.value(name), self.pointer(name)
        if value is None:
            return 0
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise MalformedDocument("must be an integer", pointer=at)
        if not 0 <= value <= _LARGEST:
            raise MalformedDocument("must be from 0 to 2^63-1", pointer=at)
        return value

    def pointer(self, name: str) -> str:
        """Where the field stands."""
        return f"{self.at}/{name}"


@functools.lru_cache(maxsize=256)
def _spellings(names: tuple[str, ...]) -> frozenset[str]:
    """Those that fields may have. Kept, as `_original`: messages have the same fields."""
    return frozenset((*names, *map(_original, names)))


@functools.lru_cache(maxsize=1024)
def _original(name: str) -> str:
    """A field's name in the definition of its message."""
    return _CAPITAL.sub(r"_\1", name).lower()


def decode_base64(text: str, at: str) -> bytes:
    """The bytes that `text` spells in standard base64. Raises MalformedDocument."""
    try:
        if len(text) % 4 or text.endswith("==="):  # Python takes padding where there is none to do
            raise ValueError("it is not padded as base64 is")
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument("must be base64", pointer=at) from error
