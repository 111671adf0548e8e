"""Ways to misbehave, each a method that puts a fault in force and gives it back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.testing.registry.faults import Faults
from provenance.testing.registry.messages import Content, Response, error, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Unpack

    from provenance.testing.registry.faults import After, Fault, When
    from provenance.testing.registry.messages import Readable, Request

__all__ = ["Misbehaviour"]

_PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in.</p>"


class Misbehaviour(Faults):
    """Mixed into `LocalRegistry`.

    `pattern` is a regular expression searched in the path (`/v2/app/blobs/sha256:...`). Which of
    the requests that match are struck is said by `method` (None: any), `skip` (so many pass
    first) and `times` (then so many are struck; None: all): the third to the fifth is
    `skip=2, times=3`. A `Fault` counts its `hits`, and `remove()` takes it back.
    """

    # Another answer

    def fail(
        self,
        pattern: str,
        status: int = 429,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        after: bool = False,
        **when: Unpack[When],
    ) -> Fault:
        """Answer `status` to paths that match.

        Args:
            pattern: regular expression searched in the path.
            status: of the answer.
            headers: of the answer, e.g. `{"Retry-After": "1"}`.
            body: of the answer; None: the spec's error document for the status.
            after: do what was asked and only then answer so: a lost confirmation.
            when: `method`, `skip`, `times`.
        """
        answer = error(status, error_code(status), "as the test asked", headers)
        if body is not None:
            answer = Response(status, dict(headers or {}), Content(body))
        if after:
            return self._add(pattern, lambda _request, _response: answer, **when)
        return self._add(pattern, before=lambda _request: answer, **when)

    def html(self, pattern: str, **when: Unpack[When]) -> Fault:
        """Answer 200 with a log-in page, as some registries do where they mean no."""
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return self.fail(pattern, 200, headers=headers, body=_PAGE, **when)

    def redirect(
        self,
        pattern: str,
        location: str | Callable[[str], str],
        *,
        status: int = 307,
        **when: Unpack[When],
    ) -> Fault:
        """Send those who ask elsewhere: to `location`, or to `location(path)`."""

        def answer(request: Request) -> Response:
            target = location if isinstance(location, str) else location(request.path)
            return Response(status, {"Location": target})

        return self._add(pattern, before=answer, **when)

    def alter(self, pattern: str, function: After, **when: Unpack[When]) -> Fault:
        """Answer `function(request, response)`; None leaves the answer as it is."""
        return self._add(pattern, function, **when)

    def set_header(self, pattern: str, name: str, value: str | None, **when: Unpack[When]) -> Fault:
        """Replace a header of the answer; None drops it.

        `set_header("/manifests/", "Docker-Content-Digest", wrong)` makes the registry lie about
        a digest, `set_header("/tags/list", "Link", '<http://other/>; rel="next"')` about pages.
        """

        def change(_request: Request, response: Response) -> Response:
            headers = {k: v for k, v in response.headers.items() if k.lower() != name.lower()}
            if value is not None:
                headers[name] = value
            return replace(response, headers=headers)

        return self._add(pattern, change, **when)

    def drop_header(self, pattern: str, name: str, **when: Unpack[When]) -> Fault:
        """Leave a header of the answer out. Without `Link`, a list ends at its first page."""
        return self.set_header(pattern, name, None, **when)

    def tamper(
        self, digest: str, function: Callable[[bytes], bytes], **when: Unpack[When]
    ) -> Fault:
        """Serve `function(content)` for a blob or manifest, under its old name."""
        return self._add("", _content(function), digest=digest, **when)

    def cut_page(self, pattern: str, keep: int, **when: Unpack[When]) -> Fault:
        """Send `keep` bytes of the answer's body as if that were all: a page that is cut."""
        return self._add(pattern, _content(lambda data: data[:keep]), **when)

    def claim_length(self, pattern: str, size: int, **when: Unpack[When]) -> Fault:
        """Send the body under a Content-Length of `size`, then close the connection."""
        return self.set_header(pattern, "Content-Length", str(size), **when)

    # Another connection

    def disconnect(self, pattern: str, *, after: bool = False, **when: Unpack[When]) -> Fault:
        """Close the connection without an answer; `after`: once the work is done."""
        gone = Response(0, hang_up=True)
        if after:
            return self._add(pattern, lambda _request, _response: gone, **when)
        return self._add(pattern, before=lambda _request: gone, **when)

    def cut(self, pattern: str, keep: int, **when: Unpack[When]) -> Fault:
        """Send `keep` bytes of the answer's body, then close: a broken transfer."""
        return self._add(pattern, _cut(keep), **when)

    def truncate(self, digest: str, keep: int | None = None, **when: Unpack[When]) -> Fault:
        """`cut`, for a blob or manifest by its digest; None keeps half."""
        return self._add("", _cut(keep), digest=digest, **when)

    def cut_upload(self, pattern: str, keep: int, **when: Unpack[When]) -> Fault:
        """Take `keep` bytes of a request's body, then close. An upload keeps what it has."""

        def change(request: Request) -> Request:
            return replace(request, body=_Broken(request.body, keep))

        return self._add(pattern, before=change, **when)

    # Another time

    def delay(self, pattern: str, seconds: float, **when: Unpack[When]) -> Fault:
        """Wait before each answer; every request waits for itself."""

        def wait(request: Request) -> Request:
            time.sleep(seconds)
            return request

        return self._add(pattern, before=wait, **when)

    def drip(self, pattern: str, seconds: float, *, size: int = 1, **when: Unpack[When]) -> Fault:
        """Send the answer's body in pieces of `size` bytes, and wait `seconds` before each."""

        def change(_request: Request, response: Response) -> Response:
            return replace(response, pace=(size, seconds))

        return self._add(pattern, change, **when)

    def expire_tokens(self, pattern: str, **when: Unpack[When]) -> Fault:
        """Forget every token when a request comes, whose own is then refused."""

        def change(request: Request) -> Request:
            self._forget_tokens()
            return request

        return self._add(pattern, before=change, **when)

    def _forget_tokens(self) -> None:
        raise NotImplementedError


def _content(function: Callable[[bytes], bytes]) -> After:
    def change(_request: Request, response: Response) -> Response:
        return replace(response, body=Content(function(response.body.read())))

    return change


def _cut(keep: int | None) -> After:
    def change(_request: Request, response: Response) -> Response:
        return replace(response, cut=len(response.body) // 2 if keep is None else keep)

    return change


class _Broken:
    """A request's body, of which `keep` bytes arrive."""

    def __init__(self, body: Readable, keep: int) -> None:
        self._body, self._left = body, keep

    def read(self, size: int = -1, /) -> bytes:
        if self._left:
            data = self._body.read(self._left if size < 0 else min(size, self._left))
            self._left -= len(data)
            if size >= 0 or self._left:  # the rest is for the next call, or there is none
                return data
        raise ConnectionAbortedError("the connection was cut, as the test asked")
