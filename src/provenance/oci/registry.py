"""`Registry`: a session with registries; `RegistryRepository`: one repository in one of them.

Source: distribution-spec 1.1. There is no `/v2/` ping: the first real request is the probe.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from provenance.digests import Digest, VerifiedReader, check_content
from provenance.errors import (
    ContentMismatch,
    InvalidDigest,
    InvalidReference,
    MalformedDocument,
    ProvenanceError,
)
from provenance.oci.answers import raise_for_status
from provenance.oci.auth import Authenticator
from provenance.oci.descriptor import Descriptor
from provenance.oci.listing import list_referrers, list_tags
from provenance.oci.manifest import parse_manifest
from provenance.oci.media_types import INDEXES, MANIFEST_ACCEPT, MANIFESTS
from provenance.oci.pushing import push_blob, push_manifest, push_tag
from provenance.settings import Limits, Settings
from provenance.transport.client import Client
from provenance.transport.origin import is_loopback_host, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from provenance.oci.credentials import Credentials
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.reference import Reference
    from provenance.oci.repository import Referrers
    from provenance.transport.response import Response

__all__ = ["Registry", "RegistryRepository"]


class Registry:
    """Connections, credentials and what was learnt of each repository. Use it in a `with`.

    One may be shared by threads. It pickles as its settings and limits: credentials stay behind.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        settings: Settings | None = None,
        limits: Limits | None = None,
        mirrors: Mapping[str, str] | None = None,
    ) -> None:
        """Describe it; nothing is opened yet.

        Args:
            credentials: host to `Credential` or (name, password), or a function of the host;
                None: Docker's and podman's configuration.
            settings: None: those of the environment.
            limits: caps on what is read.
            mirrors: registry to the host that is asked in its place. What a mirror sends is
                checked against digests as everything is; a tag is the mirror's word.
        """
        self.settings = settings or Settings.from_environment()
        self.limits = limits or Limits()
        self.mirrors = dict(mirrors or {})
        self.client = Client(self.settings, self.limits)
        self.authenticator = Authenticator(self.client, credentials)
        self._learnt: dict[tuple[str, str], Learnt] = {}
        self._lock = threading.Lock()

    def repository(self, reference: Reference) -> RegistryRepository:
        """The repository that `reference` is in."""
        key = (reference.registry, reference.repository)
        with self._lock:
            learnt = self._learnt.setdefault(key, Learnt())
        return RegistryRepository(self, reference, learnt)

    def base(self, reference: Reference) -> str:
        """The URL of the registry that `reference` names, without a path."""
        host = self.mirrors.get(reference.registry, reference.host)
        plain = is_loopback_host(host) and host not in self.settings.encrypted
        plain = plain or host in self.settings.plain_http
        return f"{'http' if plain else 'https'}://{host}"

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Registry({self.settings!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without credentials, sessions and tokens."""
        return _rebuild, (self.settings, self.limits, self.mirrors)


def _rebuild(settings: Settings, limits: Limits, mirrors: dict[str, str]) -> Registry:
    return Registry(settings=settings, limits=limits, mirrors=mirrors)


@dataclass(slots=True)
class Learnt:
    """What a repository has shown of itself; never learnt from a refusal or a fault."""

    referrers_api: bool | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class RegistryRepository:
    """One repository in a registry. Implements `Writable`."""

    def __init__(self, registry: Registry, reference: Reference, learnt: Learnt) -> None:
        """Use `Registry.repository` instead."""
        self.registry = registry
        self.reference = reference
        self.learnt = learnt
        self.limits = registry.limits
        self.base = registry.base(reference)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return self.reference.name

    def send(
        self,
        method: str,
        url: str,
        *,
        actions: str = "pull",
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
        follow: bool = True,
    ) -> Response:
        """Send a request of this repository, logging in when asked to; any status comes back.

        `url` may be a path below `/v2/NAME/`. Another origin than the registry's never gets
        the Authorization.
        """
        if not url.startswith(("http://", "https://")):
            url = f"{self.base}/v2/{self.reference.repository}/{url}"
        authenticator = self.registry.authenticator
        ours = origin_of(url) == origin_of(self.base)
        authorization = authenticator.header(self.reference, actions) if ours else None
        for attempt in (1, 2):
            with self._named():
                response = self.registry.client.request(
                    *(method, url),
                    headers=headers,
                    authorization=authorization,
                    body=body,
                    follow=follow,
                )
                response.reference = str(self.reference)
                if response.status != 401 or not ours or attempt == 2:
                    return response
                challenge = response.headers.get("WWW-Authenticate", "")
                new = authenticator.answer(
                    self.reference, actions, challenge, self.base, authorization
                )
            if new is None:
                return response
            response.close()
            authorization = new
        raise AssertionError("unreachable")  # pragma: no cover

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Put the reference into errors of those who know none."""
        try:
            yield
        except ProvenanceError as error:
            error.reference = error.reference or str(self.reference)
            raise

    def refuse(self, response: Response, what: str, target: Digest | str | None = None) -> None:
        """Raise what this answer means; see `raise_for_status`."""
        place = self.reference
        if isinstance(target, Digest):
            place = self.reference.with_digest(target)
        elif target is not None:
            place = self.reference.with_tag(target)
        raise_for_status(
            response,
            place,
            what,
            limit=self.limits.error_bytes,
            source=self.registry.authenticator.source(self.reference.registry),
        )

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """One HEAD; a GET only where the registry does not name the digest."""
        target = self._check(target)
        what = f"manifest {target}"
        headers = {"Accept": MANIFEST_ACCEPT}
        with self.send("HEAD", f"manifests/{target}", headers=headers) as response:
            if response.status != 200:
                self.refuse(response, what, target)
            named = response.headers.get("Docker-Content-Digest")
            size = response.headers.get("Content-Length") or ""
            media_type = _media_type(response)
        is_size = size.isdecimal() and len(size) < 16
        if not named or not is_size or media_type not in MANIFESTS | INDEXES:
            return self.manifest(target).descriptor
        try:
            digest = Digest(named)
        except InvalidDigest as error:
            raise MalformedDocument(
                f"the registry names the {what} by something that is no digest",
                reference=str(self.reference),
            ) from error
        if isinstance(target, Digest) and digest != target:
            raise ContentMismatch(
                f"{self.name} answers {digest} when asked for another digest",
                reference=self.name,
                digest=target,
                hint="do not use it",
            )
        return Descriptor(media_type, digest, int(size))

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """GET, with its bytes checked against the digest that named it."""
        descriptor = target if isinstance(target, Descriptor) else None
        name = descriptor.digest if descriptor else self._check(target)  # type: ignore[arg-type]
        what = f"manifest {name}"
        headers = {"Accept": MANIFEST_ACCEPT}
        with self.send("GET", f"manifests/{name}", headers=headers) as response:
            if response.status != 200:
                self.refuse(response, what, name)
            raw = response.read_capped(self.limits.manifest_bytes, "manifest")
            media_type = _media_type(response)
        if isinstance(name, Digest):
            size = descriptor.size if descriptor else None
            check_content(raw, name, size, where=self.name)
        if descriptor is not None and descriptor.media_type in MANIFESTS | INDEXES:
            media_type = descriptor.media_type
        return parse_manifest(raw, media_type, limits=self.limits, where=f"{self.name}@{name}")

    @contextmanager
    def open(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        """Stream a blob; a redirect to a store elsewhere is followed without Authorization."""
        with self.send("GET", f"blobs/{blob.digest}") as response:
            if response.status != 200:
                self.refuse(response, f"blob {blob.digest}", blob.digest)
            yield VerifiedReader(response, blob.digest, blob.size, where=self.name)  # type: ignore[arg-type]

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """Every referrer of `subject`; see `listing.list_referrers`."""
        return list_referrers(self, subject, artifact_type)

    def tags(self) -> tuple[str, ...]:
        """Every tag, every page."""
        return list_tags(self)

    def push_blob(self, data: bytes | BinaryIO, descriptor: Descriptor, /) -> None:
        """Upload a blob unless it is there."""
        push_blob(self, data, descriptor)

    def push_manifest(self, manifest: Manifest | Index, /, *, tag: str | None = None) -> Descriptor:
        """Upload a manifest; one with a subject is entered in the fallback index where needed."""
        return push_manifest(self, manifest, tag)

    def tag(self, descriptor: Descriptor, tag: str, /) -> None:
        """Point `tag` at a manifest of this repository."""
        push_tag(self, descriptor, tag)

    def _check(self, target: str | Digest) -> str | Digest:
        """A tag or digest that may stand in a URL."""
        if isinstance(target, Digest):
            return target
        if ":" in target:
            return Digest(target)
        checked = self.reference.with_tag(target).tag
        if checked is None:
            raise InvalidReference(f"{target!r} is no tag")
        return checked

    def __repr__(self) -> str:
        return f"RegistryRepository({self.name!r})"


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
