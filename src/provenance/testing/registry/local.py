"""A registry in this process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from provenance.digests import Digest
from provenance.testing.registry.auth import TOKEN_PATH, Auth, AuthKind
from provenance.testing.registry.faults import Faults
from provenance.testing.registry.messages import RecordedRequest, Request, Response, error
from provenance.testing.registry.routes import Behaviour, access, answer
from provenance.testing.registry.server import Server
from provenance.testing.registry.store import Store, StoredManifest

if TYPE_CHECKING:
    from collections import defaultdict
    from types import TracebackType

    from provenance.testing.images import BuiltImage

__all__ = ["LocalRegistry"]


class LocalRegistry(Faults):
    """An OCI registry on an ephemeral loopback port, for tests: distribution-spec 1.1.

    >>> with LocalRegistry() as registry:
    ...     digest = registry.put_blob("app", b"hello")
    ...     reference = registry.reference("app:1.0")
    >>> digest.short
    'sha256:2cf24dba5fb0'

    `blobs`, `manifests` and `tags` are its store, by repository: plain dicts that a test may
    edit. `requests` is what was asked. `fail`, `tamper`, `truncate`, `delay`, `redirect`,
    `html`, `disconnect`, `set_header` and `drop_header` make it misbehave.
    """

    def __init__(
        self,
        *,
        referrers_api: bool = True,
        filters_referrers: bool = True,
        page_size: int | None = None,
        deletes: bool = True,
        single_post: bool = True,
        manifest_bytes: int = 4 << 20,
        auth: AuthKind | None = None,
        username: str = "",
        password: str = "",
        identity_token: str = "",
        anonymous_pull: bool = False,
        token_lifetime: int | None = None,
        realm: str | None = None,
        tls: bool = False,
        directory: Path | str | None = None,
    ) -> None:
        """Describe the registry; `start()` or `with` opens the port.

        Args:
            referrers_api: whether it lists referrers; off: 404 and no OCI-Subject, as
                distribution 2.8 does.
            filters_referrers: whether it filters them by artifactType, and says so.
            page_size: most entries of one page of tags or referrers.
            deletes: whether it deletes; off: 405.
            single_post: whether a blob may come in one POST; off: 202, the body ignored.
            manifest_bytes: largest manifest; above 413.
            auth: None, "basic", or "bearer" (with a token service at `/token`).
            username: the one account's name.
            password: its password.
            identity_token: a refresh token that the token service takes instead.
            anonymous_pull: whether reading needs no account.
            token_lifetime: requests that one bearer token is good for; None: no end.
            realm: the token service's URL in challenges; None: its own.
            tls: speak HTTPS with a certificate of its own authority, `ca_pem`.
            directory: keep uploaded blobs in files here; None: in memory.
        """
        super().__init__()
        self._behaviour = Behaviour(
            referrers_api, filters_referrers, page_size, deletes, single_post, manifest_bytes
        )
        self.auth = Auth(
            auth, username, password, identity_token, anonymous_pull, token_lifetime, realm
        )
        self.store = Store(Path(directory) if directory is not None else None)
        self.ca_pem = b""
        self._wants_tls = tls
        self._server: Server | None = None
        self._requests: list[RecordedRequest] = []
        self._record_lock = threading.Lock()

    # Running

    def start(self) -> Self:
        """Open a port and answer until `stop()`."""
        if self._server is None:
            context = None
            if self._wants_tls:
                from provenance.testing.registry.tls import server_context

                context, self.ca_pem = server_context()
            self._server = Server(self, context)
        return self

    def stop(self) -> None:
        """Close the port and every connection; the store stays."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = self.host if self._server is not None else "stopped"
        return f"LocalRegistry({where!r}, repositories={len(self.manifests)})"

    @property
    def host(self) -> str:
        """Host and port, as references name this registry. RuntimeError when stopped."""
        return self.url.partition("//")[2]

    @property
    def url(self) -> str:
        """Scheme, host and port. RuntimeError when stopped."""
        if self._server is None:
            raise RuntimeError("the registry is not running: use it in a with block, or start() it")
        return self._server.base

    def reference(self, name: str) -> str:
        """`app:1.0` or `app@sha256:...` as a full reference into this registry."""
        return f"{self.host}/{name}"

    # What was asked

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request since the start or `clear_requests()`, oldest first."""
        with self._record_lock:
            return list(self._requests)

    def clear_requests(self) -> None:
        """Forget what was asked so far."""
        with self._record_lock:
            self._requests.clear()

    def respond(self, request: Request) -> Response:
        """Answer one request: faults, door, protocol, faults."""
        response = self.strike(request, None, before=True)
        if response is None:
            response = self._answer(request)
            response = self.strike(request, response, before=False) or response
        recorded = RecordedRequest(
            method=request.method,
            path=request.path,
            query={name: values[-1] for name, values in request.query.items()},
            status=response.status,
            headers=request.headers,
        )
        with self._record_lock:
            self._requests.append(recorded)
        return response

    def _answer(self, request: Request) -> Response:
        if self.auth.kind == "bearer" and request.path == TOKEN_PATH:
            return self.auth.issue(request)
        if not request.path.startswith("/v2"):
            return error(404, "UNSUPPORTED", "no such end point")
        refusal = self.auth.refuse(request, access(request))
        return refusal or answer(request, self.store, self._behaviour)

    # What it holds

    @property
    def blobs(self) -> defaultdict[str, dict[str, bytes | Path]]:
        """Repository to digest to content (bytes, or the file that holds them)."""
        return self.store.blobs

    @property
    def manifests(self) -> defaultdict[str, dict[str, StoredManifest]]:
        """Repository to digest to manifest."""
        return self.store.manifests

    @property
    def tags(self) -> defaultdict[str, dict[str, str]]:
        """Repository to tag to digest."""
        return self.store.tags

    def put_blob(self, repository: str, data: bytes, *, digest: str = "") -> Digest:
        """Store bytes, under their sha256 unless the test wants another name for them."""
        name = Digest(digest) if digest else Digest.of(data)
        self.blobs[repository][name] = data
        return name

    def put_blob_file(self, repository: str, path: Path | str, *, digest: str = "") -> Digest:
        """Serve a file as a blob, from where it is: for layers that memory should not hold."""
        import hashlib

        source = Path(path)
        if not digest:
            with source.open("rb") as file:
                digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        self.blobs[repository][Digest(digest)] = source
        return Digest(digest)

    def put_manifest(
        self,
        repository: str,
        data: bytes,
        *,
        media_type: str = "application/vnd.oci.image.manifest.v1+json",
        tag: str | None = None,
        digest: str = "",
    ) -> Digest:
        """Store a manifest without any check, under its sha256 or the `digest` given."""
        manifest = StoredManifest(data, media_type)
        tags = (tag,) if tag is not None else ()
        return self.store.put_manifest(repository, manifest, tags=tags, digest=digest)

    def put_image(self, name: str, image: BuiltImage) -> Digest:
        """Store an image that `ImageBuilder` built, as `app:1.0` or, without a tag, `app`."""
        repository, _, tag = name.partition(":")
        for digest, data in image.blobs.items():
            self.put_blob(repository, data, digest=digest)
        found = image.manifest
        return self.put_manifest(
            repository, found.raw, media_type=found.descriptor.media_type, tag=tag or None
        )
