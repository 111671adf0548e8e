"""Blobs into a registry: whole or in chunks, taken up again where they broke off, or mounted.

Source: distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository".
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.sources import HeldBack, open_content
from provenance.transport import stopping
from provenance.transport.origin import lead_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.oci.sources import Content, Progress
    from provenance.transport.response import Response

__all__ = ["PUSH", "check_stored", "holds_blob", "mount_blob", "push_blob"]

PUSH = "pull,push"
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})", re.ASCII)
_SMALL = 1 << 20
_FAREWELL = 5.0  # seconds for an upload to be taken back
_OCTETS = "application/octet-stream"


def holds_blob(repository: RegistryRepository, descriptor: Descriptor) -> bool:
    """Whether the registry says that the blob is there. One HEAD."""
    path = f"blobs/{descriptor.digest}"
    with repository.send("HEAD", path, actions=PUSH) as response:
        if response.status not in {200, 404, 405}:
            repository.refuse(response, f"blob {descriptor.digest}", descriptor.digest)
        return response.status == 200 and not _is_page(response)


def mount_blob(
    repository: RegistryRepository, descriptor: Descriptor, source: RegistryRepository
) -> bool:
    """Take a blob from another repository of the same registry; False: not to be had so."""
    if source.base != repository.base or source.account != repository.account:
        return False
    query = urlencode({"mount": descriptor.digest, "from": source.place.repository})
    with repository.send(
        "POST", f"blobs/uploads/?{query}", actions=PUSH, body=b"", repeat=True
    ) as response:
        if response.status == 201:
            check_stored(repository, response, descriptor.digest)
            return True
        if response.status == 202:  # it began an upload instead
            upload = _Upload(repository, descriptor, response)
            response.drain()
            upload.cancel()
        elif response.status not in {400, 401, 403, 404, 405}:
            repository.refuse(response, "mount of a blob", descriptor.digest)
        return False


def push_blob(
    repository: RegistryRepository,
    data: Content,
    descriptor: Descriptor,
    progress: Progress | None = None,
) -> None:
    """Store `data` unless it is there; it is hashed on its way, and never stored if it is not it.

    An upload that broke goes on where the registry says it stopped, or begins anew; a
    confirmation that was lost is seen by looking again.

    Raises:
        ContentMismatch: `data` is not what `descriptor` says, or the registry stored another.
    """
    if descriptor.digest in repository.learnt.held or holds_blob(repository, descriptor):
        _keep(repository, descriptor)
        return
    client = repository.registry.client
    upload: _Upload | None = None
    told = _Told(progress)
    for attempt in range(1, client.settings.retries + 2):
        try:
            upload = upload or _begin(repository, descriptor)
            told.from_(upload.offset)
            with open_content(data, descriptor) as stream:
                upload.send(stream, told.more)
        except (RegistryUnavailable, NotFound):
            if attempt > client.settings.retries:
                raise
        except BaseException:
            if upload is not None:
                upload.cancel()
            raise
        else:
            _keep(repository, descriptor)
            return
        stopping.pause(client.backoff(attempt))
        if holds_blob(repository, descriptor):
            return
        upload = upload if upload is not None and upload.take_up() else None


def _keep(repository: RegistryRepository, descriptor: Descriptor) -> None:
    """Remember of the empty config, which each artifact has, that it is there."""
    if descriptor.digest == EMPTY_DESCRIPTOR.digest:
        repository.learnt.held.add(descriptor.digest)


class _Told:
    """What `progress` was told, so that what is sent again is taken back first."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._sum = progress, 0

    def more(self, count: int) -> None:
        self._sum += count
        if self._progress is not None:
            self._progress(count)

    def from_(self, offset: int) -> None:
        if offset != self._sum:
            self.more(offset - self._sum)


def check_stored(repository: RegistryRepository, response: Response, digest: Digest) -> None:
    """That the registry did not store other content in its place, or showed a page instead.

    Raises:
        ContentMismatch: it names another digest.
        RegistryUnavailable: a web page answered: nothing was stored.
    """
    if _is_page(response):
        raise RegistryUnavailable(
            "a web page answered where content was to be stored",
            reference=repository.name,
            digest=digest,
            hint="nothing is known about it; is a proxy or log-in page in between?",
        )
    named = response.headers.get("Docker-Content-Digest")
    if named and named != digest and named.partition(":")[0] == digest.algorithm:
        raise ContentMismatch(
            f"the registry stored {named[:100]} in its place",
            reference=repository.name,
            digest=digest,
        )


def _is_page(response: Response) -> bool:
    """Whether a page for people answered, as log-in pages do in a registry's place.

    Registries say 201 where they stored something, and no more than a digest of a blob.
    """
    shown = response.headers.get("Content-Type", "").lower().startswith("text/html")
    return response.status == 200 and shown and "Docker-Content-Digest" not in response.headers


def _begin(repository: RegistryRepository, descriptor: Descriptor) -> _Upload:
    """POST for a place. The place may be another host's: see `RegistryRepository.send`."""
    with repository.send("POST", "blobs/uploads/", actions=PUSH, body=b"", repeat=True) as response:
        if response.status not in {201, 202}:
            repository.refuse(response, "upload of a blob", descriptor.digest)
        upload = _Upload(repository, descriptor, response)
        response.drain()
        return upload


class _Upload:
    """One upload under way: its place, and how far the registry has it."""

    def __init__(
        self, repository: RegistryRepository, descriptor: Descriptor, response: Response
    ) -> None:
        self._repository, self._descriptor = repository, descriptor
        self.offset = 0
        self._url = ""
        self._follow(response)
        least = response.headers.get("OCI-Chunk-Min-Length", "")
        chunk = repository.registry.settings.upload_chunk
        if chunk and least.isascii() and least.isdigit() and len(least) < 12:
            chunk = max(chunk, int(least))
        self._chunk = chunk

    def send(self, stream: VerifiedReader, progress: Progress) -> None:
        """Send what is missing of `stream`, and end the upload."""
        size = self._descriptor.size
        body = HeldBack(stream, size, start=self.offset, progress=progress)
        if not self._chunk or size - self.offset <= self._chunk:
            self._end(body)
            return
        while self.offset < size:
            self._patch(_Part(body, min(self._chunk, size - self.offset)))
        stream.finish()
        self._end(None)

    def take_up(self, *, grace: float = 0) -> bool:
        """Ask how far it came. False: the registry knows nothing of it any more, or in no order."""
        try:
            with self._repository.send(
                "GET", self._url, actions=PUSH, follow=False, grace=grace
            ) as response:
                if response.status not in {200, 202, 204}:
                    return False
                self._follow(response)
                told = _RANGE.fullmatch(response.headers.get("Range", ""))
        except ProvenanceError:
            return False  # begun anew, which needs no knowledge of this one
        # "0-0" is both nothing and one byte.
        self.offset = int(told[1]) + 1 if told is not None and told[1] != "0" else 0
        return 0 < self.offset < self._descriptor.size

    def cancel(self) -> None:
        """Tell the registry that no more will come; it forgets an upload in time anyway.

        Briefly, and also where all work is to end.
        """
        brief = min(0.0, _FAREWELL - self._repository.registry.settings.deadline)
        with contextlib.suppress(ProvenanceError), stopping.stopped_by(None):
            if not self._drop(brief) and self.take_up(grace=brief):  # its place may have moved
                self._drop(brief)

    def _drop(self, grace: float) -> bool:
        with self._repository.send(
            "DELETE", self._url, actions=PUSH, follow=False, repeat=False, grace=grace
        ) as response:
            return response.status != 416

    def _patch(self, part: _Part) -> None:
        headers = {
            "Content-Type": _OCTETS,
            "Content-Length": str(len(part)),
            "Content-Range": f"{self.offset}-{self.offset + len(part) - 1}",
        }
        with self._request("PATCH", self._url, headers, part) as response:
            if response.status not in {201, 202, 204}:
                self._refuse(response)
            response.drain()
            self._follow(response)
            self.offset += len(part)

    def _end(self, body: HeldBack | None) -> None:
        """PUT, with the rest of the content or with none."""
        content: HeldBack | bytes = body or b""
        if body is not None and len(body) <= _SMALL:
            content = b"".join(body)  # it can be sent again then
        headers = {"Content-Type": _OCTETS, "Content-Length": str(len(content))}
        if self.offset and content:
            headers["Content-Range"] = f"{self.offset}-{self._descriptor.size - 1}"
        url = _with_digest(self._url, self._descriptor.digest)
        with self._request("PUT", url, headers, content) as response:
            if response.status not in {200, 201, 204}:
                self._refuse(response)
            check_stored(self._repository, response, self._descriptor.digest)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: HeldBack | _Part | bytes
    ) -> Response:
        repository = self._repository
        return repository.send(
            *(method, url),
            actions=PUSH,
            headers=headers,
            body=body,
            repeat=False,
            grace=repository.grace(self._descriptor.size),
        )

    def _refuse(self, response: Response) -> None:
        digest = self._descriptor.digest
        if response.status == 416:
            raise RegistryUnavailable(
                "the registry has another part of the upload than it said",
                reference=self._repository.name,
                digest=digest,
            )
        if response.status == 413 and not self._chunk:
            raise LimitExceeded(
                f"the registry, or what stands before it, refuses {self._descriptor.size} bytes "
                "at once",
                reference=self._repository.name,
                digest=digest,
                hint="send it in parts: Settings.upload_chunk, e.g. 64 MiB",
            )
        self._repository.refuse(response, f"blob {digest}", digest)

    def _follow(self, response: Response) -> None:
        """Where the next request of this upload goes."""
        location = response.headers.get("Location")
        if not location and self._url:
            return
        if not location:
            raise RegistryUnavailable(
                "the registry started an upload without saying where to",
                reference=self._repository.name,
            )
        with self._repository.named():
            self._url = lead_url(response.url, location)


class _Part:
    """The next `length` bytes of a body, as a body of its own."""

    def __init__(self, body: HeldBack, length: int) -> None:
        self._body, self._length, self._left = body, length, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def read(self, size: int = -1) -> bytes:
        want = self._left if size < 0 else min(size, self._left)
        chunk = self._body.read(want) if want else b""
        self._left -= len(chunk)
        return chunk


def _with_digest(url: str, digest: Digest) -> str:
    """The place of an upload as it was given, with what is to be checked there."""
    parts = urlsplit(url)
    joint = "&" if parts.query else ""
    query = f"{parts.query}{joint}{urlencode({'digest': str(digest)})}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
