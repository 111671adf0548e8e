"""An image's config: how it runs and how it was made.

Source: OCI image-spec v1.1, config.md. Builders write null for empty; that is read as empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import InvalidDigest, MalformedDocument
from provenance.strict_json import decode, refuse_other_spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.digests import Digest

__all__ = ["Config", "History", "parse_time"]

_FIELDS = frozenset(
    {
        *("os", "architecture", "variant", "os.version", "os.features", "created", "author"),
        *("config", "rootfs", "history"),
    }
)
_INNER = frozenset(
    {
        *("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels", "ExposedPorts"),
        *("Volumes", "StopSignal"),
    }
)
_ROOTFS = frozenset({"type", "diff_ids"})
_HISTORY = frozenset({"created", "created_by", "author", "comment", "empty_layer"})


@dataclass(frozen=True, slots=True)
class History:
    """How one layer, or a change without one, came about."""

    created: datetime | None = None
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """The config. Empty where it does not say."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    user: str = ""
    """User, and group after a colon, that it runs as; empty means root."""
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    created: datetime | None = None
    """When it was built, in UTC, as the builder says."""
    author: str = ""
    history: tuple[History, ...] = ()
    diff_ids: tuple[Digest, ...] = ()
    """Digests of the layers decompressed, bottom first."""
    raw: bytes = field(default=b"", repr=False)
    """The document as it was stored."""

    @classmethod
    def parse(cls, raw: bytes, *, where: str = "", digest: str = "") -> Self:
        """Read a config. Raises MalformedDocument with the pointer of the fault."""
        reader = _Reader(where, digest)
        document = reader.strictly(_decode(raw, where, digest), "", _FIELDS)
        inner = reader.loosely(document.get("config"), "/config", _INNER)
        rootfs = reader.strictly(document.get("rootfs"), "/rootfs", _ROOTFS)
        return cls(
            os=reader.text(document, "os"),
            architecture=reader.text(document, "architecture"),
            variant=reader.text(document, "variant"),
            user=reader.text(inner, "User", "/config"),
            env=_environment(reader.texts(inner, "Env", "/config")),
            entrypoint=reader.texts(inner, "Entrypoint", "/config"),
            cmd=reader.texts(inner, "Cmd", "/config"),
            working_dir=reader.text(inner, "WorkingDir", "/config"),
            labels={
                key: "" if value is None else str(value)
                for key, value in reader.mapping(inner.get("Labels"), "/config/Labels").items()
            },
            exposed_ports=tuple(reader.mapping(inner.get("ExposedPorts"), "/config/ExposedPorts")),
            volumes=tuple(reader.mapping(inner.get("Volumes"), "/config/Volumes")),
            stop_signal=reader.text(inner, "StopSignal", "/config"),
            created=parse_time(reader.text(document, "created")),
            author=reader.text(document, "author"),
            history=reader.history(document.get("history")),
            diff_ids=reader.digests(rootfs, "diff_ids", "/rootfs"),
            raw=raw,
        )


def parse_time(text: str) -> datetime | None:
    """An RFC 3339 time in UTC, None for what is none."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _decode(raw: bytes, where: str, digest: str) -> Any:
    try:
        return decode(raw)
    except MalformedDocument as error:
        raise MalformedDocument(
            f"image config {error.message}", reference=where, digest=digest
        ) from error


def _environment(pairs: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Typed access that names the pointer of what is of the wrong type."""

    where: str
    digest: str

    def wrong(self, pointer: str, expected: str) -> MalformedDocument:
        return MalformedDocument(
            f"image config: expected {expected}",
            pointer=pointer or "/",
            reference=self.where,
            digest=self.digest,
        )

    def mapping(self, value: Any, pointer: str) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(pointer, "an object")
        return value

    def strictly(self, value: Any, pointer: str, known: frozenset[str]) -> dict[str, Any]:
        """An object none of whose fields runtimes take for another one."""
        found = self.mapping(value, pointer)
        try:
            refuse_other_spellings(found, known, pointer)
        except MalformedDocument as error:
            error.message = f"image config {error.message}"
            error.reference, error.digest = self.where, self.digest
            raise
        return found

    def loosely(self, value: Any, pointer: str, known: frozenset[str]) -> dict[str, Any]:
        """An object by the names that runtimes take its fields for: people write `cmd`, too."""
        meant = {name.casefold(): name for name in known}
        found: dict[str, Any] = {}
        for name, inner in self.mapping(value, pointer).items():
            taken = meant.get(name.casefold(), name)
            if taken in found:
                raise self.wrong(f"{pointer}/{name}", f"{taken} in one spelling alone")
            found[taken] = inner
        return found

    def text(self, within: dict[str, Any], key: str, pointer: str = "") -> str:
        value = within.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(f"{pointer}/{key}", "a string")
        return value

    def texts(self, within: dict[str, Any], key: str, pointer: str = "") -> tuple[str, ...]:
        value = within.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)  # Docker takes a single string for a list of one, and so stores it
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(f"{pointer}/{key}", "an array of strings")
        return tuple(value)

    def digests(self, within: dict[str, Any], key: str, pointer: str) -> tuple[Digest, ...]:
        from provenance.digests import Digest

        try:
            return tuple(Digest.parse(v) for v in self.texts(within, key, pointer))
        except InvalidDigest as error:
            raise self.wrong(f"{pointer}/{key}", "an array of digests") from error

    def history(self, value: Any) -> tuple[History, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong("/history", "an array")
        steps = []
        for index, item in enumerate(value):
            pointer = f"/history/{index}"
            step = self.strictly(item, pointer, _HISTORY)
            steps.append(
                History(
                    created=parse_time(self.text(step, "created", pointer)),
                    created_by=self.text(step, "created_by", pointer),
                    comment=self.text(step, "comment", pointer),
                    empty_layer=step.get("empty_layer") is True,
                )
            )
        return tuple(steps)
