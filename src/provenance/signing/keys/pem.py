"""The one private key of a PEM file, whatever stands around it. Source: RFC 7468."""

from __future__ import annotations

import base64
import binascii
import re

from provenance.errors import MalformedDocument

__all__ = ["MAX_BYTES", "read_private_block", "write_block"]

MAX_BYTES = 65_536
"""More than any key file has."""

_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL
)


def read_private_block(raw: bytes) -> tuple[str, bytes, bytes]:
    """Label, content and the whole block of the private key in a PEM file.

    The content is empty where headers stand before it (RFC 1421): such a block is for others.

    Raises:
        MalformedDocument: there is none, more than one, or more than 64 KiB.
    """
    if len(raw) > MAX_BYTES:
        raise MalformedDocument(f"a key file has not {len(raw)} bytes")
    blocks = [match for match in _BLOCK.finditer(raw) if match[1].endswith(b"PRIVATE KEY")]
    if len(blocks) > 1:
        raise MalformedDocument("there is more than one private key", hint="keep one in a file")
    if not blocks:
        what = "a public key" if b"BEGIN PUBLIC KEY" in raw else "no private key in PEM"
        raise MalformedDocument(f"this is {what}", hint="signing needs the file with PRIVATE KEY")
    block = blocks[0]
    label, body = block[1].decode(), b"".join(block[2].split())
    if b":" in body:
        return label, b"", block[0] + b"\n"
    try:
        return label, base64.b64decode(body, validate=True), block[0] + b"\n"
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument("the private key is no base64") from error


def write_block(label: str, content: bytes) -> bytes:
    """A PEM block with lines of 64 characters."""
    text = base64.b64encode(content).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()
