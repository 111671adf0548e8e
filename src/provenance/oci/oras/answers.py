"""Our transport's answers as the `requests.Response` that users of oras-py expect.

What was named by a digest is held to it: reading such an answer to its end raises unless it
agrees, and `content` of altered bytes never comes to be.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, cast

import requests
from requests.structures import CaseInsensitiveDict

from provenance.errors import ContentMismatch, LimitExceeded, ProvenanceError, RegistryUnavailable
from provenance.oci.answers import raise_for_status
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.digests import Digest
    from provenance.oci.reference import Reference
    from provenance.transport.response import Response

__all__ = ["OrasResponse", "made_up", "speaking_oras"]

_CHUNK = 1 << 20
_P = ParamSpec("_P")
_T = TypeVar("_T")


class OrasResponse(requests.Response):
    """An answer of a registry. `iter_content`, `content` and `json` verify and are capped."""

    def __init__(
        self,
        answer: Response,
        method: str,
        place: Reference | None,
        *,
        limit: int,
        digest: Digest | None = None,
    ) -> None:
        """Take over `answer`, which closes with this.

        Args:
            answer: not read yet.
            method: that was sent.
            place: what was asked for, where that is known.
            limit: most bytes to take.
            digest: what the body must hash to.
        """
        super().__init__()
        self.status_code = answer.status
        self.headers = CaseInsensitiveDict(answer.headers)
        self.encoding = requests.utils.get_encoding_from_headers(self.headers)
        # Without the query, where stores put their signatures: these two are put in messages.
        self.url = display_url(answer.url)
        self.request = requests.Request(method, self.url).prepare()
        self.reason = requests.codes.__dict__.get(str(answer.status), "")
        self.raw = _Body(answer, limit, digest)
        self._answer = answer
        self._place = place

    def refuse(self, limit: int) -> NoReturn:
        """Raise what this answer means; see `raise_for_status`."""
        if self._place is None:
            raise RegistryUnavailable(f"{self.url} answered {self.status_code}")
        replay = cast("Response", _Replay(self, self._answer))
        raise_for_status(replay, self._place, "request", limit=limit)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain response that was read."""
        return _rebuild, (self.__getstate__(),)


def _rebuild(state: dict[str, Any]) -> requests.Response:
    plain = requests.Response()
    plain.__setstate__(state)  # type: ignore[attr-defined]
    return plain


class _Replay:
    """A read answer, for `raise_for_status` to look at."""

    def __init__(self, response: OrasResponse, answer: Response) -> None:
        self.status, self.retry_after = answer.status, answer.retry_after
        self.url = response.url
        self._response = response

    def read_capped(self, limit: int, what: str = "answer") -> bytes:
        del what
        return self._response.content[:limit]


class _Body:
    """The `raw` of a response: bytes as they are, counted, hashed, and proven at the end."""

    def __init__(self, answer: Response, limit: int, digest: Digest | None) -> None:
        self._answer, self._limit, self._digest = answer, limit, digest
        self._hash = hashlib.new(digest.algorithm) if digest else None
        self._seen = 0

    def read(self, size: int | None = -1) -> bytes:
        wanted = _CHUNK if size is None or size < 0 else size
        chunk = self._answer.read(wanted) if wanted else b""
        if wanted and not chunk:
            self._answer.close()
            self._prove()
        self._seen += len(chunk)
        if self._seen > self._limit:
            raise LimitExceeded(
                f"the answer of {display_url(self._answer.url)} is larger than {self._limit} bytes",
                reference=self._answer.reference,
                hint="stream it, or raise the limit if you trust it",
            )
        if self._hash is not None:
            self._hash.update(chunk)
        return chunk

    def _prove(self) -> None:
        if self._hash is None or self._digest is None:
            return
        found = f"{self._digest.algorithm}:{self._hash.hexdigest()}"
        if found != self._digest:
            raise ContentMismatch(
                f"content hashes to {found}, not to its name",
                reference=self._answer.reference,
                digest=self._digest,
                hint="do not use it; the registry altered it or was cut short",
            )

    def close(self) -> None:
        self._answer.close()


def made_up(status: int, url: str, headers: dict[str, str]) -> requests.Response:
    """The response to give for what took several requests, or none."""
    response = requests.Response()
    response.status_code = status
    response.url = display_url(url)
    response.headers.update(headers)
    response.request = requests.Request("PUT", response.url).prepare()
    response._content = b""  # noqa: SLF001 - there is no other way to one that was read
    return response


def speaking_oras(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let `method` raise our errors as ones that are a `ValueError` too, as oras-py raises.

    Not ContentMismatch: who takes a ValueError for "is not there" must not go on after it.
    """

    @functools.wraps(method)
    def call(*positional: _P.args, **named: _P.kwargs) -> _T:
        try:
            return method(*positional, **named)
        except ContentMismatch:
            raise
        except ProvenanceError as error:
            if isinstance(error, ValueError):
                raise
            _, (kind, message, details) = cast("tuple[Any, Any]", error.__reduce__())
            raise _both(kind)(message, **details) from error

    return call


@functools.cache
def _both(kind: type[ProvenanceError]) -> type[ProvenanceError]:
    def reduced(self: ProvenanceError) -> tuple[Any, ...]:
        rebuild, (_, *rest) = cast("tuple[Any, Any]", kind.__reduce__(self))
        return rebuild, (kind, *rest)

    body = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__reduce__": reduced}
    return type(kind.__name__, (kind, ValueError), body)
