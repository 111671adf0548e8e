"""The story of `provenance demo`: an image from its tag to a proof, and what an attacker gets.

Each step is a value: what is done, the Python line that does it, what came of it. Printing them
is the command's affair.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from provenance.catalog import generate_sbom
from provenance.evidence import attest, sign, tree, verify
from provenance.image import resolve
from provenance.oci.connect import connect, writable
from provenance.oci.copying import copy_between
from provenance.oci.mirrors import Mirrors
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.testing.attacks import Attack, attacks
from provenance.testing.environment_image import image_from_environment
from provenance.testing.images import ImageBuilder
from provenance.testing.registry import LocalRegistry
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provenance.display.terminal import Branch
    from provenance.evidence import Node

__all__ = ["IDENTITY", "Demonstration", "Step"]

IDENTITY = "release@example.com"
_ROWS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story."""

    title: str
    code: str
    """The Python that does it."""
    facts: Mapping[str, object] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    branches: Sequence[Branch] = ()
    attacks: Sequence[Attack] = ()


class Demonstration:
    """A registry and a Sigstore, and the story told with them. Use it in a `with`."""

    def __init__(self, image: str | None = None) -> None:
        """Tell it about `image`; None: one made of the running Python environment."""
        self.source = image
        self.registry = LocalRegistry()
        self.sigstore = LocalSigstore()
        # Of no concern to the machine's `registries.conf`, which may be closed to its users.
        self._session = Registry(mirrors=Mirrors())
        self.refused = False
        """Whether every attack of the last step was refused for the right reason."""

    def __enter__(self) -> Self:
        self.registry.start()
        self.sigstore.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self.sigstore.stop()
        self.registry.stop()

    @property
    def tag(self) -> str:
        """Where the image is pushed to."""
        return self.registry.reference("demo/app:1.0")

    @property
    def identity(self) -> Identity:
        """Who signs."""
        return Identity(IDENTITY, issuer=self.sigstore.issuer)

    def steps(self) -> Iterator[Step]:
        """The story, step by step; each is done when it is yielded."""
        yield Step(
            "A registry and a Sigstore, in this process, on loopback",
            "with LocalRegistry() as registry, LocalSigstore() as sigstore: ...",
            {"registry": self.registry.url, "sigstore": self.sigstore.url},
        )
        pushed = self._push()
        yield Step(
            "An image is pushed",
            f'image_from_environment().push("{self.tag}")'
            if self.source is None
            else f'# copied from {self.source} to "{self.tag}"',
            {"image": self.tag, "digest": pushed.digest},
        )
        yield from self._look()
        yield from self._sign()
        yield from self._verify()
        results = attacks(self.registry, self.sigstore, self._image, self.identity, self._session)
        self.refused = all(attack.refused for attack in results)
        yield Step(
            "What an attacker gets",
            "pv.verify(victim, who, trust=trust)  # must never return",
            attacks=results,
        )

    def _push(self) -> Reference:
        target = Reference.parse(self.tag)
        if self.source is None:
            return image_from_environment().push(target, registry=self._session)
        path = Path(self.source)
        if path.is_file() and _is_root_filesystem(path):
            builder = ImageBuilder().config(created="2024-01-01T00:00:00Z")
            builder.layer_from_tar(path, created_by=f"ADD {path.name} /")
            return builder.push(target, registry=self._session)
        found = resolve(path if path.exists() else self.source)
        if found.is_index:
            from provenance.oci.descriptor import Platform

            found = found.for_platform(Platform.host())
        descriptor = found.manifest().descriptor
        with found.repository() as source, connect(target, registry=self._session) as to:
            pushed = copy_between(source, descriptor, writable(to), tag=target.tag)
        return target.with_digest(pushed.digest)

    def _look(self) -> Iterator[Step]:
        image = resolve(self.tag, registry=self._session)
        yield Step(
            "The tag is pinned to a digest, once",
            f'image = pv.resolve("{self.tag}")',
            {
                "reference": image.reference,
                "platform": f"{image.config.os}/{image.config.architecture}",
                "layers": len(image.layers),
                "user": image.config.user or "root (none set)",
            },
        )
        sbom = generate_sbom(image)
        kinds = ", ".join(f"{n} {kind}" for kind, n in sbom.packages.types().items())
        yield Step(
            "What is in it",
            "sbom = pv.generate_sbom(image)",
            {"packages": kinds or "none", "format": sbom.format.value, "valid": sbom.validate().ok},
            ("name", "version", "type", "licences", "layer"),
            [(*row[:4], row[5]) for row in sbom.packages.rows(_ROWS)],
        )
        self._image, self._sbom = image, sbom

    def _sign(self) -> Iterator[Step]:
        signer = self.sigstore.signer(IDENTITY)
        signature = sign(self._image, signer)
        attestation = attest(self._image, self._sbom, signer)
        yield Step(
            "It is signed, and its SBOM attested, without any key to keep",
            "pv.sign(image, signer); pv.attest(image, sbom, signer)",
            {
                "signed by": f"{signer.identity} (issuer {signer.issuer})",
                "signature": signature.descriptor.digest,
                "attestation": attestation.descriptor.digest,
            },
        )
        yield Step(
            "Both lie beside the image",
            "pv.tree(image)",
            branches=[(str(self._image.reference), _branches(tree(self._image)))],
        )

    def _verify(self) -> Iterator[Step]:
        verified = verify(self._image, self.identity, trust=self.sigstore.trust)
        yield Step(
            "Who signed it, when, and where that is written",
            "verified = pv.verify(image, who, trust=trust)",
            {"deploy": verified.reference, "complete": verified.complete},
            ("kind", "signed by", "time (UTC)", "log index", "placement"),
            [
                (
                    proof.kind,
                    proof.identity,
                    f"{proof.time:%Y-%m-%d %H:%M:%S}" if proof.time else "not proven",
                    proof.log_index,
                    proof.placement,
                )
                for proof in verified.proofs
            ],
        )
        signed = verified.sbom()
        yield Step(
            "The SBOM, read back out of what was signed",
            "verified.sbom()",
            {
                "describes": signed.subject,
                "packages": len(signed.packages),
                "same bytes as generated": signed == self._sbom,
            },
        )


def _branches(nodes: Sequence[Node]) -> list[Branch]:
    return [(str(node.referrer), _branches(node.children)) for node in nodes]


def _is_root_filesystem(path: Path) -> bool:
    """Whether a tar holds a system's files and not an image of one of the archive forms."""
    try:
        with tarfile.open(path) as archive:
            names = {member.name.removeprefix("./") for member, _ in zip(archive, range(20_000))}  # noqa: B905 - the range is the cap
    except (tarfile.TarError, OSError, EOFError):
        return False
    return not names & {"manifest.json", "index.json", "oci-layout"} and bool(
        names & {"etc", "bin", "usr", "etc/os-release"}
    )
