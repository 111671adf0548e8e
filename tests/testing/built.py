"""Built images, taken apart and recomputed by the image specification alone."""

from __future__ import annotations

import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

from tests.testing.wire import MANIFEST, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.testing import BuiltImage

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def config_of(image: BuiltImage) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(image.config)
    return document


def unpacked(image: BuiltImage) -> list[bytes]:
    """The layers' tars, by the rules of the specification's media types."""
    how: dict[str, Callable[[bytes], bytes]] = {
        "application/vnd.oci.image.layer.v1.tar+gzip": gzip.decompress,
        "application/vnd.oci.image.layer.v1.tar+zstd": zstd.decompress,
        "application/vnd.oci.image.layer.v1.tar": bytes,
    }
    return [how[d.media_type](image.blobs[d.digest]) for d in image.manifest.layers]


def check_by_hand(image: BuiltImage) -> None:
    """What image-spec v1.1 says of manifest, config and layers, recomputed."""
    document = json.loads(image.manifest.raw)
    assert (document["schemaVersion"], document["mediaType"]) == (2, MANIFEST)
    assert image.digest == digest_of(image.manifest.raw)
    for found in (document["config"], *document["layers"]):
        data = image.blobs[found["digest"]]
        assert (digest_of(data), len(data)) == (found["digest"], found["size"])
    assert set(image.blobs) == {d["digest"] for d in (document["config"], *document["layers"])}
    config = config_of(image)
    assert config["rootfs"]["type"] == "layers"
    assert config["rootfs"]["diff_ids"] == [digest_of(tar) for tar in unpacked(image)]
    assert len(config["history"]) == len(document["layers"])
