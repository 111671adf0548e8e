"""Checkpoints: what a log signed about its tree, and that an entry is in it.

Source: C2SP signed-note and tlog-checkpoint; RFC 6962 section 2.1.1 (inclusion proofs), in the
form of RFC 9162 section 2.1.3.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import InclusionProof

__all__ = ["Checkpoint", "check_inclusion", "read_checkpoint"]

_STEP = "transparency-log"
_MOST_CHARACTERS = 65_536
_MOST_SIGNATURES = 100
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINE = re.compile("\N{EM DASH} ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_HASH_BYTES = 32
_KEY_ID_BYTES = 4
_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed note about a tree, read but not verified."""

    origin: str
    """Names the log."""
    size: int
    root: bytes = field(repr=False)
    note: bytes = field(repr=False)
    """What is signed."""
    signatures: tuple[tuple[str, bytes, bytes], ...] = field(repr=False)
    """Name, key id and signature of each line; the log's stands anywhere among witnesses'."""


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in `text`.

    Raises:
        InvalidEvidence: step `transparency-log`: it is not of the form of one.
    """
    note, blank, block = text.partition("\n\n")
    if len(text) > _MOST_CHARACTERS or not blank or "\n\n" in block or not block.endswith("\n"):
        raise _refuse("the checkpoint is no signed note")
    lines = note.split("\n")
    if len(lines) < 3 or not lines[0]:
        raise _refuse("the checkpoint lacks its origin, size or root hash")
    if _SIZE.fullmatch(lines[1]) is None:
        raise _refuse(f"the checkpoint has the size {lines[1][:30]!r}")
    root = _decode(lines[2])
    if len(root) != _HASH_BYTES:
        raise _refuse("the checkpoint has no root hash")
    signed = block.removesuffix("\n").split("\n")
    if len(signed) > _MOST_SIGNATURES:
        raise _refuse(f"the checkpoint has more than {_MOST_SIGNATURES} signatures")
    signatures = tuple(_signature(line) for line in signed)
    return Checkpoint(lines[0], int(lines[1]), root, f"{note}\n".encode(), signatures)


def check_inclusion(body: bytes, proof: InclusionProof) -> None:
    """Raise unless the hashes of `proof` lead from `body` to the root it states.

    Raises:
        InvalidEvidence: step `transparency-log`.
    """
    if proof.index >= proof.tree_size:
        raise _refuse(f"the proof is for entry {proof.index} of a log of {proof.tree_size} entries")
    index, last = proof.index, proof.tree_size - 1
    found = hashlib.sha256(_LEAF + body).digest()
    for step in proof.hashes:
        if last == 0:
            raise _refuse("the proof has too many hashes")
        if index & 1 or index == last:
            found = hashlib.sha256(_NODE + step + found).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(_NODE + found + step).digest()
        index, last = index >> 1, last >> 1
    if last != 0:
        raise _refuse("the proof has too few hashes")
    if found != proof.root:
        raise _refuse("the proof's hashes do not lead from the entry to the root of the tree")


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = _LINE.fullmatch(line)
    data = _decode(found[2]) if found else b""
    if found is None or len(data) <= _KEY_ID_BYTES:
        raise _refuse("a line of the checkpoint is no signature")
    return found[1], data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refuse("the checkpoint has something that is no base64") from error


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(message, step=_STEP, hint="the bundle is damaged or forged")
