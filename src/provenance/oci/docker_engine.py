"""The few requests of Docker's Engine API that images need, over its socket.

Source: Docker Engine API v1.24 and later (`/images/{name}/json`, `/get`, `/images/load`, `/tag`),
unversioned, as Docker and podman's compatible service both answer it.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from provenance.errors import Forbidden, NotFound, RegistryUnavailable, UnsupportedFormat
from provenance.transport.origin import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.settings import Settings

__all__ = ["DockerEngine"]

_DEFAULT = "unix:///var/run/docker.sock"


class DockerEngine:
    """One daemon; a connection a request."""

    def __init__(
        self,
        settings: Settings,
        *,
        error_bytes: int,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """The one that `DOCKER_HOST` names, or Docker's own.

        Raises:
            UnsupportedFormat: a place that is no Unix socket, nor TCP on this machine (or a host
                in `Settings.plain_http`), as what is spoken there can be read by others.
        """
        self.settings, self.error_bytes = settings, error_bytes
        env = os.environ if environ is None else environ
        self.address = env.get("DOCKER_HOST") or _DEFAULT
        parts = _split(self.address)
        tls = bool(env.get("DOCKER_TLS_VERIFY"))
        near = is_loopback_host(parts.netloc) or parts.netloc in settings.plain_http
        if parts.scheme != "unix" and (parts.scheme != "tcp" or tls or not near):
            raise UnsupportedFormat(
                f"{_shown(self.address)} is no Docker daemon that is read",
                hint="set DOCKER_HOST to unix://PATH, or name what `docker save` wrote",
            )
        self._parts = parts

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: BinaryIO | None = None,
        slow: bool = False,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to one request.

        Args:
            method: GET or POST.
            path: below the root, not quoted yet.
            query: its parameters.
            body: a tar, from its beginning.
            slow: the daemon may be silent for as long as `Settings.deadline`.

        Raises:
            NotFound: 404. Forbidden: the socket may not be opened.
            RegistryUnavailable: no daemon, or any other answer.
        """
        url = quote(path, safe="/:@")
        if query:
            url += f"?{urlencode(query)}"
        headers = {} if body is None else {"Content-Type": "application/x-tar"}
        if body is not None:
            body.seek(0, os.SEEK_END)
            headers["Content-Length"] = str(body.tell())
            body.seek(0)
        seconds = self.settings.deadline if slow else self.settings.timeout
        connection = self._connection(seconds)
        try:
            connection.request(method, url, body=body, headers=headers)
            with connection.getresponse() as response:
                if response.status not in {200, 201}:
                    raise self._refusal(response)
                yield response
        except PermissionError as error:
            raise Forbidden(
                f"the Docker daemon at {_shown(self.address)} may not be asked by this user",
                hint="join the group that owns its socket",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise RegistryUnavailable(
                f"no whole answer from a Docker daemon at {_shown(self.address)}"
                f" ({type(error).__name__})",
                hint="start it, or set DOCKER_HOST to its socket",
            ) from error
        finally:
            connection.close()

    def json(self, path: str, *, query: Mapping[str, str] | None = None, limit: int) -> Any:
        """The value that a GET answers. Raises as `ask`."""
        with self.ask("GET", path, query=query) as response:
            raw = response.read(limit + 1)
        try:
            return json.loads(raw[:limit])
        except (ValueError, RecursionError) as error:
            raise RegistryUnavailable(f"the Docker daemon's answer to {path} is no JSON") from error

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if self._parts.scheme == "unix":
            return _UnixConnection(self._parts.path, seconds)
        host, port = self._parts.hostname or "localhost", self._parts.port or 2375
        return http.client.HTTPConnection(host, port, timeout=seconds)

    def _refusal(self, response: http.client.HTTPResponse) -> NotFound | RegistryUnavailable:
        raw = response.read(self.error_bytes)
        said = ""
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            said = str(json.loads(raw)["message"])
        if response.status == 404:
            return NotFound("the Docker daemon has no such image", hint="docker images lists them")
        return RegistryUnavailable(
            f"the Docker daemon answers {response.status}: {said[:200]!r}", hint="see its log"
        )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in the file system."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _split(address: str) -> SplitResult:
    """Its parts, the port among them. Raises UnsupportedFormat."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise UnsupportedFormat(
            f"{_shown(address)} is no address of a Docker daemon",
            hint="set DOCKER_HOST to unix://PATH",
        ) from error
    return parts


def _shown(address: str) -> str:
    """Without what may stand before an `@`."""
    return repr(address.rpartition("@")[2][:200])
