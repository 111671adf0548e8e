"""`pull`: the files of a referrer into a folder, and nowhere else.

Names come from whoever pushed the artifact: each must be a plain name below the folder, nothing
is overwritten unasked, links and devices are not made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provenance.attestation.bundle import is_bundle_media_type
from provenance.errors import UnsupportedFormat
from provenance.oci.connect import connect
from provenance.oci.manifest import Manifest
from provenance.oci.media_types import IMAGE_CONFIGS
from provenance.oci.oras.names import TITLE
from provenance.oci.oras.unpacking import write_layers
from provenance.oci.reference import Reference
from provenance.settings import Limits

if TYPE_CHECKING:
    from provenance.evidence.placements import Referrer
    from provenance.evidence.storing import Stored
    from provenance.image import Image
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry import Registry
    from provenance.settings import Settings

__all__ = ["pull"]


def pull(
    what: str | Reference | Referrer | Stored | Image,
    folder: str | Path,
    *,
    overwrite: bool = False,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> tuple[Path, ...]:
    """Write the files of an artifact below `folder`, which is made if it is not there.

    A file that is there with the right content is kept as it is, and not fetched again: a pull
    that was stopped goes on where it was. Rights of the files in a folder are those they were
    packed with, less the umask.

    Args:
        what: a referrer, what `attach`, `sign` or `attest` returned, or a reference.
        folder: where to.
        overwrite: replace files that are there with other content.
        registry: session to use.
        settings: how to fetch.
        limits: `pull_bytes` caps it all, unpacked; `entries` those of one folder.

    Returns:
        The paths of its files in its order, written or there already.

    Raises:
        UnsupportedFormat: it is an index or an image, not an artifact.
        MalformedDocument: a name that leads out of the folder, two of one name, a link or
            device, a folder that is no tar; nothing was written for that layer. Or other
            content where a file is to be.
        LimitExceeded: larger than allowed.
        ContentMismatch: altered content; no file of it is left.
        RegistryUnavailable: no answer, or the folder cannot be written to.
    """
    limits = limits or Limits()
    reference = Reference.parse(what) if isinstance(what, str) else what
    if not isinstance(reference, Reference):
        reference = reference.reference
    with connect(reference, registry=registry, settings=settings, limits=limits) as repository:
        manifest = repository.manifest(reference.digest or reference.tag or "")
        if not isinstance(manifest, Manifest):
            raise UnsupportedFormat(
                "an index has no files of its own",
                reference=str(reference),
                hint="name one of its manifests",
            )
        untitled = [layer for layer in manifest.layers if TITLE not in layer.annotations]
        if untitled and manifest.config.media_type in IMAGE_CONFIGS:
            raise UnsupportedFormat(
                "it is an image, whose layers are no files to be written",
                reference=str(reference),
                hint="read it with Image.files, or pull what lies beside it",
            )
        written = write_layers(
            repository,
            manifest.layers,
            Path(folder),
            limits=limits,
            where=str(reference),
            unnamed=_unnamed,
            overwrite=overwrite,
        )
    return tuple(path for layer in written for path in layer.files)


def _unnamed(layer: Descriptor) -> str:
    """A name made of its digest, for a layer without a title."""
    ending = ".sigstore.json" if is_bundle_media_type(layer.media_type) else ".blob"
    return f"{layer.digest.algorithm}-{layer.digest.hex}{ending}"
