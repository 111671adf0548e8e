"""What a caller asks with, made into what the search needs: keys, a place, a session."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from provenance.attestation.public_key import PublicKey
from provenance.image import Image
from provenance.oci.reference import Reference
from provenance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Limits

__all__ = ["KeyLike", "Keys", "evidence_place", "one_session", "public_keys"]

KeyLike: TypeAlias = "str | Path | bytes | PublicKey"
"""A public key: a file, a key URI (`awskms://...`, `env://NAME`), PEM, or the key itself."""
Keys: TypeAlias = "KeyLike | Sequence[KeyLike]"
"""One, or several of which any may have signed."""


def public_keys(keys: Keys | None, *, settings: Settings | None = None) -> tuple[PublicKey, ...]:
    """The keys that a caller names.

    Raises:
        NotFound, MalformedDocument, UnsupportedFormat: one of them cannot be had.
        ValueError: an empty sequence, which would accept no one, or everyone.
    """
    if keys is None:
        return ()
    named = [keys] if isinstance(keys, (str, Path, bytes, PublicKey)) else list(keys)
    if not named:
        raise ValueError("key= is an empty sequence: name the keys one of which must have signed")
    return tuple(_opened(key, settings) for key in named)


def _opened(key: KeyLike, settings: Settings | None) -> PublicKey:
    from provenance.signing.keys import open_public_key

    return open_public_key(key, settings=settings)


def evidence_place(
    image: Image,
    named: str | None,
    registry: Registry | None,
    settings: Settings | None,
) -> Reference | None:
    """Where evidence lies; None: beside the image.

    What the caller names holds for every image; what the environment names (COSIGN_REPOSITORY)
    only for images in registries: a local image opens no socket.

    Raises:
        InvalidReference: it is no repository.
    """
    if named is None and not image.reference.is_local:
        if settings is None:
            settings = registry.settings if registry is not None else Settings.from_environment()
        named = settings.evidence_repository
    return Reference.parse(named) if named else None


@contextmanager
def one_session(
    image: ImageLike,
    registry: Registry | None,
    settings: Settings | None,
    limits: Limits | None,
) -> Iterator[Registry | None]:
    """One session for a whole call, so that a login and a connection serve all its requests.

    An `Image` reads by the session it was resolved with, and local places need none.
    """
    if registry is not None or isinstance(image, Image) or Reference.parse(image).is_local:
        yield registry
        return
    from provenance.oci.registry import Registry

    with Registry(settings=settings, limits=limits) as own:
        yield own
