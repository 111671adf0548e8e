"""`Download`: a blob's bytes out of a registry, taken up again by range where they break off.

Source: distribution-spec 1.1 "Pulling blobs" (SHOULD support Range), RFC 9110 section 14. Whoever
reads it holds the whole to its digest: what an answer claims about its range is only a claim.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.errors import NotFound, RegistryUnavailable
from provenance.transport import stopping

if TYPE_CHECKING:
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.transport.response import Response

__all__ = ["Download"]

_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(?:\d{1,19}|\*)", re.ASCII)
_CHUNK = 1 << 20


class Download:
    """Reads like a file, once, from the beginning. Close it."""

    def __init__(self, repository: RegistryRepository, blob: Descriptor) -> None:
        """Ask for `blob`. Raises what the registry's answer means."""
        self._repository, self._blob = repository, blob
        self._seen = 0
        self._tries = repository.registry.settings.retries
        self._response = self._ask({})
        if self._response.status != 200:
            self._refuse()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; empty at the end, and where the registry has no more to give.

        Raises:
            RegistryUnavailable: it broke off, and again each time it was taken up.
        """
        while True:
            try:
                chunk = self._response.read_some(size)
            except RegistryUnavailable:
                if not self._take_up():
                    raise
                continue
            if chunk or self._seen >= self._blob.size:
                self._seen += len(chunk)
                return chunk
            if not self._take_up():  # it ended too soon, as if that were all
                return b""

    def _take_up(self) -> bool:
        """Ask for the rest; whether to read on. A registry without ranges sends all again."""
        if self._tries <= 0:
            return False
        self._tries -= 1
        self._response.close()
        client = self._repository.registry.client
        stopping.pause(client.backoff(client.settings.retries - self._tries))
        self._response = self._ask({"Range": f"bytes={self._seen}-"} if self._seen else {})
        status = self._response.status
        if status == 416:
            return False  # it has no more than what was read: not what the descriptor says
        if status == 206:
            claimed = _RANGE.fullmatch(self._response.headers.get("Content-Range", ""))
            if claimed is None or int(claimed[1]) != self._seen:
                raise RegistryUnavailable(
                    f"asked for the rest from byte {self._seen} on, the registry sent another part",
                    reference=str(self._repository.reference),
                    digest=self._blob.digest,
                    hint="nothing is known about the rest; tell the registry's operator",
                )
            return True
        if status != 200:
            self._refuse_rest()
        return self._pass_over()

    def _pass_over(self) -> bool:
        """Leave out what was read before. Broken again on the way: the next try."""
        left = self._seen
        try:
            while left and (chunk := self._response.read_some(min(left, _CHUNK))):
                left -= len(chunk)
        except RegistryUnavailable:
            if self._tries <= 0:
                raise
        return True if not left else self._take_up()

    def _ask(self, headers: dict[str, str]) -> Response:
        repository, blob = self._repository, self._blob
        response = repository.send(
            "GET", f"blobs/{blob.digest}", headers=headers, grace=repository.grace(blob.size)
        )
        response.digest = blob.digest
        return response

    def _refuse(self) -> None:
        with self._response as response:
            self._repository.refuse(response, f"blob {self._blob.digest}", self._blob.digest)

    def _refuse_rest(self) -> None:
        try:
            self._refuse()
        except NotFound as error:  # which says nothing of a blob that was there a moment ago
            raise RegistryUnavailable(
                f"the blob broke off after {self._seen} bytes, and then was not there any more",
                reference=error.reference,
                digest=self._blob.digest,
                hint="nothing is known about the rest; try again",
            ) from error

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()
