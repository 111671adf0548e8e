"""`Registry`: a session with registries, and what it has learnt of each repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.closing import Closing
from provenance.errors import (
    UnsupportedFormat,
)
from provenance.oci import conf_files
from provenance.oci.auth import Authenticator
from provenance.oci.mirrors import Mirrors, Place
from provenance.oci.reference import Reference
from provenance.oci.registry_repository import RegistryRepository
from provenance.settings import Limits, Settings
from provenance.transport.client import Client
from provenance.transport.locks import Lock
from provenance.transport.origin import is_loopback_host

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.oci.credentials import Credentials
    from provenance.oci.mirrors import MirrorMap
    from provenance.oci.oras.client import OrasClient

__all__ = ["Registry"]


class Registry(Closing):
    """Connections, credentials and what was learnt of each repository. Use it in a `with`.

    One may be shared by threads. It pickles as its settings and limits: credentials stay behind.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        settings: Settings | None = None,
        limits: Limits | None = None,
        mirrors: MirrorMap | Mirrors | None = None,
    ) -> None:
        """Describe it; nothing is opened yet.

        Args:
            credentials: host to `Credential` or (name, password), or a function of the host;
                None: Docker's and podman's configuration.
            settings: None: those of the environment.
            limits: caps on what is read.
            mirrors: registry, or `host/path`, to the places that are asked before it, before
                those that the machine's `registries.conf` names, with credentials of their own;
                or `Mirrors` in place of both. What a mirror sends is checked against digests as
                everything is; a tag is the mirror's word. What is pushed goes to the registry.

        Raises:
            NotEvaluated, MalformedDocument: a `registries.conf` cannot be read: it may forbid.
        """
        self.settings = settings or Settings.from_environment()
        self.limits = limits or Limits()
        if not isinstance(mirrors, Mirrors):
            mirrors = Mirrors.of(mirrors, conf_files.read(conf_files.find()))
        self.mirrors = mirrors
        self.client = Client(self.settings, self.limits)
        self.authenticator = Authenticator(self.client, credentials)
        self._learnt: dict[tuple[str, str], Learnt] = {}
        self._lock = Lock()

    def repository(self, reference: Reference | str) -> RegistryRepository:
        """The repository that `reference` is in.

        Raises:
            UnsupportedFormat: a local place. Forbidden: `registries.conf` blocks it.
        """
        found = Reference.parse(reference)
        if found.scheme != "docker":
            raise UnsupportedFormat(
                f"{found.name} is in no registry",
                reference=str(found),
                hint="use provenance.oci.connect.connect, which opens every kind of place",
            )
        self.mirrors.check(found)
        return RegistryRepository(self, found, Place(found.registry, found.repository))

    def learnt(self, place: Place) -> Learnt:
        """What the repository at `place` has shown of itself so far."""
        with self._lock:
            return self._learnt.setdefault((place.host, place.repository), Learnt())

    def base(self, host: str) -> str:
        """The URL of the registry at `host`, without a path."""
        plain = is_loopback_host(host) and host not in self.settings.encrypted
        plain = plain or host in self.settings.plain_http
        return f"{'http' if plain else 'https'}://{host}"

    def as_oras_client(self, hostname: str | None = None) -> OrasClient:
        """This session as an `oras.client.OrasClient`; `hostname` where a name has no registry."""
        from provenance.oci.oras.client import OrasClient

        return OrasClient(self, hostname)

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def __repr__(self) -> str:
        return f"Registry({self.settings!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without credentials, sessions and tokens."""
        return _rebuild, (self.settings, self.limits, self.mirrors)


def _rebuild(settings: Settings, limits: Limits, mirrors: Mirrors) -> Registry:
    return Registry(settings=settings, limits=limits, mirrors=mirrors)


@dataclass(slots=True)
class Learnt:
    """What a repository has shown of itself; never learnt from a refusal or a fault."""

    referrers_api: bool | None = None
    held: set[Digest] = field(default_factory=set)
    """Blobs that need not be asked for again before each push."""
    _locks: dict[str, Lock] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def lock_of(self, tag: str) -> Lock:
        """What writers of one tag take turns by."""
        with self._lock:
            return self._locks.setdefault(tag, Lock())
