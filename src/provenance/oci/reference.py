"""`Reference`: where an image is, as people write it, checked before any URL or path is made.

Grammar: distribution/reference (`[host[:port]/]path[:tag][@digest]`) with Docker's defaults,
and skopeo's transports for other places. syft's words for the same are accepted, but for
`registry:2` and `docker:dind`: a word and a tag are an image of Docker Hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from provenance.digests import Digest
from provenance.errors import InvalidDigest, InvalidReference, MalformedDocument
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    import tarfile
    from typing import NoReturn

__all__ = ["Reference", "host_of", "split_name"]

_ALIASES = {
    "docker://": "docker",
    "registry:": "docker",
    "oci:": "oci",
    "oci-dir:": "oci",
    "oci-archive:": "oci-archive",
    "docker-archive:": "docker-archive",
    "docker-daemon:": "docker-daemon",
    "docker:": "docker-daemon",
    "dir:": "dir",
}
_LOCAL = frozenset({"oci", "oci-archive", "docker-archive", "dir"})
_IMAGES = frozenset({"registry:", "docker:"})
"""Words of syft's that are images of Docker Hub too, among the most pulled."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
# A local tag is an annotation's value (image-spec, annotations.md): wider than a registry's.
_REF_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/@+:-]{0,254})", re.ASCII)
_IMAGE_ID = re.compile(r"[a-f0-9]{64}", re.ASCII)
_NAME_LIMIT = 255  # distribution-spec, "Pulling manifests": registry and name together
_SNIFFED_ENTRIES, _SNIFFED_BYTES = 100_000, 4 << 20
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Reference:
    """One image's place: repository, and a tag, a digest, or both.

    >>> str(Reference.parse("alpine"))
    'docker.io/library/alpine:latest'
    """

    scheme: str
    """`docker` (a registry), `oci`, `oci-archive`, `docker-archive`, `docker-daemon` or `dir`."""
    registry: str
    """Host and port, `docker.io` for Docker Hub; empty for a local place."""
    repository: str
    """Path in the registry, or the file or directory."""
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str | Path | Self) -> Self:
        """The reference that `text` spells.

        A registry reference without tag and digest gets the tag `latest`. A `Path` is looked at:
        a directory with `oci-layout` is a layout, another a root file system, a tar whose
        `index.json` lists images an OCI archive, another a docker archive. Text that begins as a
        path does (`/`, `./`, `../`) is taken for one.

        Raises:
            InvalidReference: outside the grammar, or nothing is at that path; says what was
                expected.
        """
        if isinstance(text, cls):
            return text
        if isinstance(text, str) and text.startswith(("/", "./", "../")):
            text = Path(text)  # no reference begins so
        if isinstance(text, Path):
            found = cls(_sniff(text), "", _local_path(str(text), str(text)))
            if cls.parse(str(found)) != found:
                _refuse(str(text), "a path must hold no ':' and no digest, as a tag begins there")
            return found
        text = str(text)
        for prefix, scheme in _ALIASES.items():
            if text.startswith(prefix):
                rest = text[len(prefix) :]
                if scheme in _LOCAL:
                    return cls._parse_local(text, scheme, rest)
                if prefix in _IMAGES and _TAG.fullmatch(rest.partition("@")[0]):
                    break
                return cls._parse_remote(text, scheme, rest)
        return cls._parse_remote(text, "docker", text)

    @classmethod
    def _parse_remote(cls, text: str, scheme: str, rest: str) -> Self:
        rest, digest = _split_digest(text, rest)
        registry, path = _split_registry(rest)
        tag = None
        if ":" in path:
            path, _, tag = path.partition(":")
            if not _TAG.fullmatch(tag):
                _refuse(text, "the tag must be 1 to 128 letters, digits, '_', '.', '-'")
        _check_registry(text, registry)
        if _looks_like_host(registry):
            registry = registry.lower()
        if digest is None and _IMAGE_ID.fullmatch(rest):
            _refuse(text, "64 hex digits are an image's id; after the name write @sha256: and them")
        if registry in _DOCKER_HUB:
            registry = "docker.io"
            path = path if "/" in path else f"library/{path}"
        if _PATH.fullmatch(path) is None:
            _refuse(text, "a repository is lower-case letters and digits, joined by . _ - or /")
        if len(registry) + 1 + len(path) > _NAME_LIMIT:
            _refuse(text, f"registry and repository together have at most {_NAME_LIMIT} characters")
        if tag is None and digest is None:
            tag = "latest"
        return cls(scheme, registry, path, tag, digest)

    @classmethod
    def _parse_local(cls, text: str, scheme: str, rest: str) -> Self:
        if scheme == "dir":
            return cls(scheme, "", _local_path(text, rest))
        rest, digest = _split_digest(text, rest)
        path, tag = rest, None
        # As skopeo does: the first colon ends the path, so that a tag may hold a whole reference.
        if ":" in rest:
            path, _, tag = rest.partition(":")
            if not _REF_NAME.fullmatch(tag):
                _refuse(text, "the name after the path must be a tag or an image reference")
        return cls(scheme, "", _local_path(text, path), tag, digest)

    @property
    def is_local(self) -> bool:
        """Whether it is read without any network."""
        return self.scheme in _LOCAL

    @property
    def host(self) -> str:
        """Host and port to connect to; Docker Hub's differs from its name."""
        return host_of(self.registry)

    @property
    def name(self) -> str:
        """Repository without tag and digest, as people would write it."""
        if self.scheme == "docker":
            return f"{self.registry}/{self.repository}"
        if self.scheme == "docker-daemon":
            return f"docker-daemon:{self.registry}/{self.repository}"
        return f"{self.scheme}:{self.repository}"

    def with_digest(self, digest: Digest) -> Self:
        """The same repository at `digest`; the tag is dropped, as it may move."""
        return replace(self, tag=None, digest=digest)

    def with_tag(self, tag: str) -> Self:
        """The same repository at `tag`; the digest is dropped. Raises InvalidReference."""
        found = replace(self, tag=tag, digest=None)
        if self.scheme == "dir":
            _refuse(f"{self}:{tag}", "a plain directory has no tags")
        if not self.is_local and _TAG.fullmatch(tag) is None:
            _refuse(tag, "a tag is 1 to 128 letters, digits, '_', '.', '-'")
        # The name of an image in a layout may hold an "@", but must not end as a digest does.
        if self.is_local and (
            _REF_NAME.fullmatch(tag) is None or _split_digest(tag, tag) != (tag, None)
        ):
            _refuse(tag, "a name in a layout is a tag or an image reference, without a digest")
        return found

    def __str__(self) -> str:
        text = self.name
        if self.tag is not None:
            text += f":{self.tag}"
        if self.digest is not None:
            text += f"@{self.digest}"
        return text


def host_of(registry: str) -> str:
    """Host and port to connect to for a registry of this name; Docker Hub's differs from it."""
    return "registry-1.docker.io" if registry == "docker.io" else registry


def split_name(text: str) -> tuple[str, str]:
    """The registry and the path, which may be empty, of `host[:port][/path]`.

    Unlike in a reference the first component always is the host, and no path is filled in.

    Raises:
        InvalidReference: outside the grammar of either.
    """
    registry, slash, path = text.partition("/")
    _check_registry(text, registry)
    if slash and _PATH.fullmatch(path) is None:
        _refuse(text, "after the registry come lower-case letters and digits, joined by . _ - or /")
    registry = registry.lower()
    return "docker.io" if registry in _DOCKER_HUB else registry, path


def _refuse(text: str, hint: str) -> NoReturn:
    raise InvalidReference(f"{text[:300]!r} is not an image reference", hint=hint)


def _split_digest(text: str, rest: str) -> tuple[str, Digest | None]:
    """Cut a digest off the end; what follows the last `@` decides whether there is one."""
    head, at, tail = rest.rpartition("@")
    if not at or not re.match(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:", tail):
        return rest, None
    try:
        return head, Digest(tail)
    except InvalidDigest as error:
        raise InvalidReference(
            f"{text[:300]!r} is not an image reference", hint=f"after '@': {error}"
        ) from error


def _split_registry(rest: str) -> tuple[str, str]:
    """Docker's rule: the first component is a host if it looks like one, else Docker Hub's."""
    first, slash, path = rest.partition("/")
    if slash and (_looks_like_host(first) or first != first.lower()):
        return first, path
    return "docker.io", rest


def _looks_like_host(text: str) -> bool:
    return any(c in text for c in ".:[") or text.lower() == "localhost"


def _local_path(text: str, path: str) -> str:
    if not path or not path.isprintable() or path.strip() != path:
        _refuse(text, "name a file or directory, without control characters")
    return path


def _check_registry(text: str, registry: str) -> None:
    if _HOST.fullmatch(registry) is None:
        _refuse(text, "the registry must be a host name or address with an optional port")
    if registry.startswith("[") and not _is_ipv6(registry[1:].partition("]")[0]):
        _refuse(text, "between [ and ] must stand an IPv6 address")
    port = registry.rpartition(":")[2]
    if port.isdigit() and not registry.endswith("]") and int(port) > 0xFFFF:
        _refuse(text, "a port is at most 65535")


def _is_ipv6(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _sniff(path: Path) -> str:
    """What lies at `path`. Raises InvalidReference when nothing does."""
    try:
        if path.is_dir():
            return "oci" if (path / "oci-layout").is_file() else "dir"
        if not path.is_file():
            _refuse(str(path), "there is no such file or directory")
    except OSError as error:  # a name too long, a folder one may not enter
        _refuse(str(path), f"it cannot be looked at ({error.strerror})")
    return _sniff_tar(path)


def _sniff_tar(path: Path) -> str:
    import gzip
    import tarfile
    import zlib

    from provenance.oci.tar_headers import open_tar

    try:
        with path.open("rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
        with (
            gzip.open(path) if compressed else path.open("rb") as source,
            open_tar(source) as archive,
        ):
            return "oci-archive" if _lists_images(archive) else "docker-archive"
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InvalidReference(
            f"{str(path)[:300]!r} is no tar archive",
            hint="give an OCI archive or what `docker save` wrote, plain or gzipped",
        ) from error


def _lists_images(archive: tarfile.TarFile) -> bool:
    """Whether there is an `index.json` with something in it.

    Docker 25 and later write one beside their own `manifest.json`, and leave it empty for an
    image without a name.
    """
    for member, _ in zip(archive, range(_SNIFFED_ENTRIES), strict=False):
        if member.name.removeprefix("./") != "index.json":
            continue
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:  # tarfile would follow a link without an end
            return True
        try:
            return bool(decode_object(file.read(_SNIFFED_BYTES)).get("manifests"))
        except MalformedDocument:
            return True  # to be refused by whoever reads it
    return False
