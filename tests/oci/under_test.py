"""`UnderTest`: a registry that the client suite runs against, and how to watch our side of it."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provenance.oci.registry import Registry
from provenance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.digests import Digest
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.oci.repository import Referrers, Repository
    from provenance.transport.response import Response

__all__ = ["PATIENT", "Call", "Takes", "UnderTest", "Watched", "watch"]

PATIENT = Settings(retries=3, retry_wait=0.05, timeout=20)


@dataclass(frozen=True)
class Takes:
    """What this registry does beyond the least; each choice is made where a source is named."""

    referrers_api: bool = True
    """Lists referrers itself; else they are in the index at the fallback tag."""
    artifact_manifests: bool = True
    """Stores the artifact manifest of image-spec 1.1's release candidates."""
    sha512_blobs: bool = True
    sha512_manifests: bool = True
    """Stores a manifest under its sha512 digest."""
    pages: bool = True
    """Lists no more than `n` tags at once when asked to."""
    uploads_go_on: bool = True
    """Tells how far an upload came that broke off, and takes the rest."""
    writers_at_once: bool = True
    """Loses no referrer of several that are pushed at the same moment."""
    redirects_blobs: bool = False
    """Sends readers of blobs to another host."""
    referrers_lag: int = 0
    """Lists that lack a referrer which was just pushed."""
    names_missing: bool = True
    """Says of a repository that was never pushed to that it is not there."""


@dataclass(frozen=True)
class UnderTest:
    """Where it is, what it takes, and who may enter."""

    host: str
    takes: Takes = field(default_factory=Takes)
    settings: Settings = PATIENT
    account: tuple[str, str] | None = None
    """Name and password; None: everybody may do everything."""
    public: bool = False
    """Whether everybody may read."""
    shorten: Callable[[], None] = lambda: None
    """Give tokens out from now on that `expire` can end."""
    expire: Callable[[], None] = lambda: None
    """Let every token that was given out since `shorten` end."""
    make: Callable[[str], object] = lambda name: None
    """Make a repository, where a push does not."""
    _opened: list[Registry] = field(default_factory=list)

    def session(self, *, account: tuple[str, str] | None = None, **settings: Any) -> Registry:
        """A session of its own, logged in; `account` instead of the right one."""
        entering = account or self.account
        credentials = {self.host: entering} if entering else {}
        registry = Registry(credentials=credentials, settings=replace(self.settings, **settings))
        self._opened.append(registry)
        return registry

    def anonymous(self) -> Registry:
        """A session of somebody without an account."""
        registry = Registry(credentials={}, settings=self.settings)
        self._opened.append(registry)
        return registry

    def reference(self, name: str, tag: str = "") -> str:
        return f"{self.host}/{name}:{tag}" if tag else f"{self.host}/{name}"

    def open(self, name: str = "", **settings: Any) -> RegistryRepository:
        """A repository, one that nobody has used yet unless `name` says which, in a new session."""
        session = self.session(**settings)
        return session.repository(self.reference(name or self.new_name()))

    def again(self, repository: RegistryRepository) -> RegistryRepository:
        """The same repository in a new session, which has learnt nothing yet."""
        return self.session().repository(repository.name)

    def new_name(self) -> str:
        """Of a repository that may be pushed to, and was not yet."""
        name = f"team/{secrets.token_hex(6)}"
        self.make(name)
        return name

    def listed(self, subject: Digest, repository: Repository, **more: Any) -> Referrers:
        """What refers to `subject`, when the registry has had the time that it takes."""
        for _ in range(self.takes.referrers_lag):
            repository.referrers(subject)
        return repository.referrers(subject, **more)

    def elsewhere(self, host: str) -> UnderTest:
        """The same registry as seen from another address."""
        encrypted = (*self.settings.encrypted, host) if self.settings.encrypted else ()
        return replace(self, host=host, settings=replace(self.settings, encrypted=encrypted))

    def close(self) -> None:
        """End every session."""
        while self._opened:
            self._opened.pop().close()


@dataclass(frozen=True)
class Call:
    """One request as our client made it."""

    method: str
    path: str
    range: str = ""


class Watched(list[Call]):
    """Every request since the beginning or `clear()`."""

    def kinds(self) -> Counter[str]:
        """How often each: `HEAD blobs`, `POST uploads`, `GET token`, ..."""
        return Counter(f"{call.method} {_kind(call.path)}" for call in self)


def _kind(path: str) -> str:
    kinds = ("uploads", "blobs", "manifests", "tags", "referrers")
    return next((kind for kind in kinds if f"/{kind}/" in path), "token")


def watch(registry: Registry, *, page: int = 0) -> Watched:
    """Note what `registry` asks from now on; with `page`, ask for lists of tags of that length."""
    calls, send = Watched(), registry.client.request

    def request(method: str, url: str, **more: Any) -> Response:
        if page and url.endswith("/tags/list"):
            url = f"{url}?n={page}"
        sent = more.get("headers") or {}
        calls.append(Call(method, urlsplit(url).path, sent.get("Range", "")))
        return send(method, url, **more)

    registry.client.request = request  # type: ignore[method-assign]
    return calls
