"""`Conversation`: requests about one repository at one place, logged in where it asks for that."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from provenance.digests import Digest
from provenance.errors import ProvenanceError, RegistryUnavailable
from provenance.oci.answers import raise_for_status
from provenance.oci.challenges import wants_login
from provenance.oci.reference import Reference
from provenance.transport.origin import display_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.oci.mirrors import Place
    from provenance.oci.registry import Registry
    from provenance.transport.client import Body
    from provenance.transport.response import Response

__all__ = ["Conversation"]


class Conversation:
    """What knows where to ask, whose credentials go along, and what a refusal means."""

    def __init__(self, registry: Registry, reference: Reference, place: Place) -> None:
        """Use `Registry.repository` instead."""
        self.registry = registry
        self.reference = reference
        """What the repository is called, wherever it is read."""
        self.place = place
        self.asked = Reference("docker", place.registry, place.repository, reference.tag)
        """What it is called there."""
        self.learnt = registry.learnt(place)
        self.limits = registry.limits
        self.base = registry.base(place.host)
        """The URL that is asked, without a path."""

    @property
    def name(self) -> str:
        """Registry and repository."""
        return self.reference.name

    @property
    def account(self) -> str:
        """The host whose credentials it may have."""
        return self.place.registry

    def send(
        self,
        method: str,
        url: str,
        *,
        actions: str = "pull",
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        follow: bool = True,
        repeat: bool | None = None,
        grace: float = 0,
    ) -> Response:
        """Send a request of this repository, logging in when asked to; any status comes back.

        `url` may be a path below `/v2/NAME/`. Another origin than the registry's never gets
        the Authorization. `follow`, `repeat` and `grace` as in `Client.request`.
        """
        if not url.startswith(("http://", "https://")):
            url = f"{self.base}/v2/{self.place.repository}/{url}"
        with self.named():
            more = {"headers": headers, "follow": follow, "repeat": repeat, "grace": grace}
            return self._send(method, url, actions, body=body, **more)

    def _send(
        self, method: str, url: str, actions: str, *, body: Body | None, **more: Any
    ) -> Response:
        authenticator = self.registry.authenticator
        ours = origin_of(url) == origin_of(self.base)
        authorization = (
            authenticator.header(self.account, self.place.repository, actions) if ours else None
        )
        renewed = False
        while True:
            response = self.registry.client.request(
                method, url, authorization=authorization, body=body, **more
            )
            response.reference = str(self.reference)
            challenge = response.headers.get("WWW-Authenticate", "")
            # After a redirect the refusal is another server's, which is told nothing.
            asked = wants_login(response.status, challenge)
            if not (ours and asked and origin_of(response.url) == origin_of(self.base)) or renewed:
                return response
            try:
                authorization = authenticator.answer(
                    self.asked, actions, challenge, self.base, authorization, account=self.account
                )
            except BaseException:
                response.close()
                raise
            if authorization is None:
                return response
            response.drain()
            if body is not None and not isinstance(body, bytes):
                raise RegistryUnavailable(
                    f"{self.reference.registry} wanted a new login in the middle of an upload",
                    hint="it is tried again, with that login",
                )
            renewed = True

    def grace(self, size: int) -> float:
        """Seconds beyond the deadline that `size` bytes may take."""
        return size / self.registry.settings.slowest

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the reference into errors of those who know none."""
        try:
            yield
        except ProvenanceError as error:
            error.reference = error.reference or str(self.reference)
            if self.place.hint and isinstance(error, RegistryUnavailable):
                error.hint = f"{error.hint}; {self.place.hint}"
            raise

    def refuse(self, response: Response, what: str, target: Digest | str | None = None) -> NoReturn:
        """Raise what this answer means; see `raise_for_status`."""
        place = self.reference
        if response.status in {401, 403} and origin_of(response.url) != origin_of(self.base):
            # Which was sent no login, so that another one would change nothing.
            raise RegistryUnavailable(
                f"{display_url(response.url)}, where {self.account} leads, answered "
                f"{response.status} for the {what}",
                reference=str(place),
                hint="nothing is known about it; try again, or tell the registry's operator",
            )
        if isinstance(target, Digest):
            place = self.reference.with_digest(target)
        elif target is not None:
            place = self.reference.with_tag(target)
        raise_for_status(
            response,
            place,
            what,
            limit=self.limits.error_bytes,
            source=self.registry.authenticator.source(self.account, self.place.repository),
            account=self.account,
        )
