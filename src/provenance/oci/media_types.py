"""Media types of OCI image-spec v1.1 and of Docker's image formats, and what they mean."""

from __future__ import annotations

import re

__all__ = [
    "DOCKER_CONFIG",
    "DOCKER_LAYER",
    "DOCKER_LAYER_GZIP",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "DOCKER_SCHEMA1",
    "EMPTY_JSON",
    "IMAGE_CONFIGS",
    "INDEXES",
    "LAYER",
    "LAYER_GZIP",
    "LAYER_ZSTD",
    "MANIFESTS",
    "MANIFEST_ACCEPT",
    "OCI_ARTIFACT",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "is_media_type",
]

_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_TYPE = re.compile(f"{_NAME}/{_NAME}")

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
"""Removed before image-spec 1.1 was final; older registries still hold some."""
EMPTY_JSON = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_SCHEMA1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
MANIFEST_ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}, {OCI_ARTIFACT}"
"""All of them on every request: a registry that is offered less may convert (Quay, schema 1)."""


def is_media_type(text: str) -> bool:
    """Whether it is `type/subtype`, as an `artifactType` must be. Source: RFC 6838 section 4.2."""
    return _TYPE.fullmatch(text) is not None
