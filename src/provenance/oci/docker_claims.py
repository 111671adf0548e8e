"""What the configs of a docker archive claim of its layers, so that these need not be hashed first.

A config lists the digests of its layers' tars (`rootfs.diff_ids`; OCI image-spec v1.1, config.md).
Of a layer that lies there as a plain tar this is its own digest, if the claim is true, which shows
when it is read. A claim stands in for the computed digest only where nothing could be mistaken:

1. every image of the archive that has the file claims the same of it;
2. no other file is claimed to be that, nor named by that digest, and the file by no other;
3. it begins like a tar, and not like something compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from provenance.digests import Digest
from provenance.errors import InvalidDigest, ProvenanceError
from provenance.oci.tar_home import place_of
from provenance.strict_json import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.oci.docker_listing import Item, Listing
    from provenance.oci.slices import Slice
    from provenance.oci.tar_home import TarHome

__all__ = ["GZIP", "ZSTD", "Claim", "claims_of", "stated_digest"]

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MAGIC = slice(257, 262)  # of a tar header; POSIX 1003.1, pax, "ustar Interchange Format"


class Claim(NamedTuple):
    """A layer as its config and the archive's own header describe it."""

    digest: Digest
    size: int


def claims_of(listing: Listing, home: TarHome) -> dict[str, Claim]:
    """The layers by name of which a claim can be taken; all others are to be hashed."""
    files: dict[str, Slice] = {}
    said: dict[int, set[Digest | None]] = {}  # by where the file lies: a link is another name of it
    places: dict[Digest | None, set[int]] = {}
    for name, digest in _pairs(listing, home):
        file = files.get(name) or _stretch(home, name)
        if file is not None:
            files[name] = file
            said.setdefault(file.offset, set()).update((digest, stated_digest(name) or digest))
            places.setdefault(digest, set()).add(file.offset)
    found: dict[str, Claim] = {}
    for name, file in files.items():
        (digest, *others) = said[file.offset]
        if digest is None or others or len(places[digest]) > 1:
            continue
        named = _stretch(home, place_of(digest)) if home.has(digest) else file
        if named is not None and named.offset == file.offset and _is_tar(file):
            found[name] = Claim(digest, file.size)
    return found


def _pairs(listing: Listing, home: TarHome) -> Iterator[tuple[str, Digest | None]]:
    """Every layer's name, and what is claimed of it."""
    configs: dict[str, Sequence[Digest | None]] = {}
    for item in listing:
        if item["Config"] not in configs:  # many images may name one
            configs[item["Config"]] = _diff_ids(item, home)
        diff_ids, layers = configs[item["Config"]], item["Layers"]
        if len(diff_ids) != len(layers):
            diff_ids = [None] * len(layers)
        yield from zip(layers, diff_ids, strict=True)


def stated_digest(name: str) -> Digest | None:
    """The digest that `blobs/sha256/<hex>` states; None for a name that states none."""
    prefix, _, text = name.removeprefix("./").rpartition("/")
    return _sha256(f"sha256:{text}") if prefix == "blobs/sha256" else None


def _sha256(text: object) -> Digest | None:
    try:
        return Digest(text) if isinstance(text, str) and text.startswith("sha256:") else None
    except InvalidDigest:
        return None


def _diff_ids(item: Item, home: TarHome) -> Sequence[Digest | None]:
    """What a config claims of its layers; nothing, if it is not as it should be.

    What is wrong with it is told where the config itself is asked for.
    """
    try:
        config = decode(home.read(item["Config"], home.limits.config_bytes))
    except ProvenanceError:
        return ()
    rootfs = config.get("rootfs") if isinstance(config, dict) else None
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return [_sha256(text) for text in diff_ids] if isinstance(diff_ids, list) else ()


def _stretch(home: TarHome, name: str) -> Slice | None:
    try:
        return home.stretch(name)
    except ProvenanceError:  # told where the layer is asked for
        return None


def _is_tar(stretch: Slice) -> bool:
    head = stretch.read(512) or b""
    stretch.seek_to(0)
    return head[_MAGIC] == b"ustar" and not head.startswith((GZIP, ZSTD))
