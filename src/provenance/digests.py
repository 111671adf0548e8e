"""Digests: the one name of content that cannot lie, and readers that hold content to it.

Source: OCI image-spec v1.1, descriptor.md, "Digests" (grammar and registered algorithms).
"""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO, Self

from provenance.closing import Closing
from provenance.errors import ContentMismatch, InvalidDigest

__all__ = ["Digest", "VerifiedReader", "check_content"]

# Registered algorithms with their hex length. Others are refused: what cannot be
# recomputed cannot be verified, and an open grammar reaches URLs and paths (CVE-2024-3727).
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}
_DIGEST = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)", re.ASCII)


class Digest(str):
    """`algorithm:hex`, checked: a string that can be no other thing.

    Equal to, and usable as, the plain string.

    >>> Digest.of(b"{}")
    Digest('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a')

    Raises:
        InvalidDigest: not `sha256:`, `sha384:` or `sha512:` with lower-case hex of its length.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check `text` and keep it."""
        match = _DIGEST.fullmatch(text)
        if match is None or len(match[2]) != _HEX_LENGTH[match[1]]:
            raise InvalidDigest(
                f"{text[:150]!r} is not a digest",
                hint="expected sha256:, sha384: or sha512: and that many lower-case hex digits",
            )
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The digest that `text` spells. Raises InvalidDigest."""
        return cls(text)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, algorithm: str = "sha256") -> Self:
        """The digest of `data`. Raises InvalidDigest for an algorithm not registered."""
        return cls(f"{algorithm}:{_hasher(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """`sha256`, `sha384` or `sha512`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The hash in lower-case hex."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """Algorithm and the first 12 hex digits: for people, never for look-ups."""
        return f"{self.algorithm}:{self.hex[:12]}"

    def matches(self, data: bytes | bytearray | memoryview) -> bool:
        """Whether `data` has this digest."""
        return Digest.of(data, self.algorithm) == self

    def __repr__(self) -> str:
        return f"Digest({str(self)!r})"

    def __str__(self) -> str:
        return str.__str__(self)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        """Pickle through the check."""
        return type(self), (str.__str__(self),)


def _hasher(algorithm: str, data: bytes | bytearray | memoryview = b"") -> hashlib._Hash:
    if algorithm not in _HEX_LENGTH:
        raise InvalidDigest(
            f"{algorithm[:150]!r} is no registered digest algorithm",
            hint=f"use one of {', '.join(_HEX_LENGTH)}",
        )
    return hashlib.new(algorithm, data)


def check_content(
    data: bytes, digest: Digest, size: int | None = None, *, where: str = ""
) -> bytes:
    """Return `data` if it has this digest and size (bytes).

    Raises:
        ContentMismatch: it has not; names `where` it was read.
    """
    if size is not None and len(data) != size:
        raise ContentMismatch(
            f"content has {len(data)} bytes where its descriptor says {size}",
            reference=where,
            digest=digest,
            hint="do not use it; the registry or archive altered it or was cut short",
        )
    if not digest.matches(data):
        raise ContentMismatch(
            f"content hashes to {Digest.of(data, digest.algorithm)}, not to its name",
            reference=where,
            digest=digest,
            hint="do not use it; the registry or archive altered it or was cut short",
        )
    return data


class VerifiedReader(Closing):
    """Hand out a stream's bytes; at its end raise unless digest and size agreed.

    Until the end has been reached, bytes handed out are a claim. Short, long and altered
    content raise ContentMismatch from `read`; `finish` reads the rest and proves it.
    Reading never goes more than one byte past `size`.
    """

    def __init__(
        self,
        stream: BinaryIO,
        digest: Digest,
        size: int,
        *,
        where: str = "",
        claim: bool = False,
    ) -> None:
        """Wrap `stream`, which must yield exactly `size` bytes with `digest`.

        With `claim`, another digest raises nothing: `found` tells it, and who asked has to look.
        """
        self._claim = claim
        self._found: Digest | None = None
        self._stream = stream
        self._hash = _hasher(digest.algorithm)
        self._digest, self._size, self._where = digest, size, where
        self._seen = 0
        self._proven = False

    @property
    def proven(self) -> bool:
        """Whether the end was reached and everything agreed."""
        return self._proven

    @property
    def found(self) -> Digest | None:
        """The digest that all the bytes have; None before the end was reached."""
        return self._found

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (all of them when negative); empty at the proven end."""
        if self._found is not None:
            return b""
        if size < 0:
            chunks = []
            while chunk := self.read(1 << 20):
                chunks.append(chunk)
            return b"".join(chunks)
        if size == 0:
            return b""
        chunk = self._stream.read(min(size, self._size - self._seen + 1))
        if not chunk:
            self._prove()
            return b""
        self._seen += len(chunk)
        if self._seen > self._size:
            raise self._mismatch(f"content goes on after the {self._size} bytes of its descriptor")
        self._hash.update(chunk)
        return chunk

    def finish(self) -> None:
        """Read to the end. Raises ContentMismatch unless digest and size agree."""
        while self.read(1 << 20):
            pass

    def close(self) -> None:
        """Close the stream beneath; proves nothing."""
        self._stream.close()

    def _prove(self) -> None:
        if self._seen != self._size:
            raise self._mismatch(f"content ends after {self._seen} of {self._size} bytes")
        found = Digest(f"{self._digest.algorithm}:{self._hash.hexdigest()}")
        if found != self._digest and not self._claim:
            raise self._mismatch(f"content hashes to {found}, not to its name")
        self._found, self._proven = found, found == self._digest

    def _mismatch(self, message: str) -> ContentMismatch:
        return ContentMismatch(
            message,
            reference=self._where,
            digest=self._digest,
            hint="do not use it; the registry or archive altered it or was cut short",
        )
