"""From a request to its answer, where nothing fails: the door, the protocol, the other host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provenance.testing.registry.contents import serve_blob
from provenance.testing.registry.messages import Content, Response, error
from provenance.testing.registry.routes import access, answer

if TYPE_CHECKING:
    from provenance.testing.registry.auth import Auth
    from provenance.testing.registry.behaviour import Behaviour
    from provenance.testing.registry.messages import Request
    from provenance.testing.registry.store import Store

__all__ = ["Application"]

_PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in.</p>"


@dataclass(frozen=True)
class Application:
    """One registry, and the host that it sends clients to."""

    behaviour: Behaviour
    auth: Auth
    store: Store

    @property
    def sends_elsewhere(self) -> bool:
        """Whether there is another host."""
        return self.behaviour.redirects_blobs or bool(self.behaviour.no_referrers.elsewhere)

    def answer(self, request: Request, elsewhere: str) -> Response:
        """What the registry says; `elsewhere` is the other host's URL."""
        if self.auth.serves(request):
            return self.auth.issue(request)
        if not request.path.startswith("/v2"):
            return error(404, "UNSUPPORTED", "no such end point")
        if not self.behaviour.session_cookie:
            return self._pass(request, elsewhere)
        if request.header("Cookie"):
            return error(403, "DENIED", "CSRF token not found in request")
        response = self._pass(request, elsewhere)
        return replace(response, headers={**response.headers, "Set-Cookie": "sid=1; Path=/"})

    def _pass(self, request: Request, elsewhere: str) -> Response:
        refusal = self.auth.refuse(request, access(request))
        return refusal or answer(request, self.store, self.behaviour, elsewhere)

    def answer_elsewhere(self, request: Request) -> Response:
        """What the other host says: the content of a blob, or a web page."""
        repository, _, digest = request.path.removeprefix("/blobs/").rpartition("/")
        source = self.store.blobs.get(repository, {}).get(digest)
        if source is None:
            headers = {"Content-Type": "text/html; charset=utf-8"}
            return Response(self.behaviour.page_elsewhere, headers, Content(_PAGE))
        if request.header("Authorization"):  # as S3 does for a signed link
            return error(400, "UNSUPPORTED", "only one way to authenticate is allowed")
        return serve_blob(request, Content(source), digest, ranges=self.behaviour.ranges)
