"""Attacks on a signed image, each in a repository of its own, and how each is refused.

An attack counts as refused only if the right step refused it: a crash is not a refusal.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.catalog import generate_sbom
from provenance.errors import (
    ContentMismatch,
    NoMatchingEvidence,
    ProvenanceError,
    RateLimited,
    VerificationError,
)
from provenance.evidence import examine, sign, verify
from provenance.evidence.storing import store_bundle
from provenance.image import resolve
from provenance.oci.connect import connect, writable
from provenance.oci.copying import copy_between
from provenance.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image import Image
    from provenance.oci.registry import Registry
    from provenance.testing.registry import LocalRegistry
    from provenance.testing.sigstore import LocalSigstore
    from provenance.verification import Identity

__all__ = ["Attack", "attacks"]

_SIGN = "https://sigstore.dev/cosign/sign/v1"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack and its end."""

    name: str
    refused: bool
    """Whether the step that must refuse it did."""
    verdict: str
    """`refused` or `could not tell` as it should be; else what happened instead."""
    reason: str


def attacks(
    registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: Image,
    identity: Identity,
    session: Registry,
) -> tuple[Attack, ...]:
    """Try them all on copies of `image`, which `identity` signed, made through `session`."""
    stage = _Stage(registry, sigstore, image, identity, session)
    tries: tuple[Callable[[], Attack], ...] = (
        stage.changed_layer,
        stage.moved_signature,
        stage.other_identity,
        stage.flipped_byte,
        stage.foreign_log_entry,
        stage.throttled_lookup,
    )
    return tuple(attempt() for attempt in tries)


class _Stage:
    """Where attacks are played."""

    def __init__(
        self,
        registry: LocalRegistry,
        sigstore: LocalSigstore,
        original: Image,
        identity: Identity,
        session: Registry,
    ) -> None:
        self.registry, self.sigstore = registry, sigstore
        self.original, self.identity, self.session = original, identity, session

    def victim(self, name: str) -> Image:
        """A fresh copy of the image, with nothing beside it."""
        target = Reference.parse(self.registry.reference(f"attack/{name}:1.0"))
        with (
            self.original.repository() as source,
            connect(target, registry=self.session) as repository,
        ):
            descriptor = self.original.descriptor
            copy_between(source, descriptor, writable(repository), tag=target.tag)
        return resolve(str(target), registry=self.session)

    def bundle(self, image: Image) -> bytes:
        """A good signature of `image` by the right identity."""
        return sign(image, self.sigstore.signer(self.identity.identity)).bundle

    def changed_layer(self) -> Attack:
        """Other bytes under a layer's digest."""
        name = "a layer is changed in the registry"
        image = self.victim("layer")
        blobs = self.registry.blobs["attack/layer"]
        digest = image.layers[-1].digest
        stored = blobs[digest]
        blobs[digest] = _flipped(stored if isinstance(stored, bytes) else stored.read_bytes())
        try:
            generate_sbom(image, cache=None)  # what the cache has is not read again
        except ContentMismatch as error:
            return Attack(name, True, "refused", str(error))
        except ProvenanceError as error:
            return Attack(name, False, f"refused by the wrong step ({error.code})", str(error))
        return Attack(name, False, "ACCEPTED", "the changed layer was read")

    def moved_signature(self) -> Attack:
        """A good signature of another image, stored beside this one."""
        other, image = self.victim("moved-source"), self.other_image("moved")
        store_bundle(image, self.bundle(other), _SIGN, "signature")
        return self._expect("a signature is moved here from another image", image, {"subject"})

    def other_image(self, name: str) -> Image:
        """An image that nobody signed."""
        from provenance.testing.images import ImageBuilder

        target = self.registry.reference(f"attack/{name}:1.0")
        builder = ImageBuilder().layer({"etc/motd": b"not what was signed"})
        builder.push(target, registry=self.session)
        return resolve(target, registry=self.session)

    def other_identity(self) -> Attack:
        """The same statement, signed by somebody else."""
        image = self.victim("identity")
        sign(image, self.sigstore.signer("mallory@example.org"))
        return self._expect("the statement is signed by another identity", image, {"identity"})

    def flipped_byte(self) -> Attack:
        """One byte of the signed payload changed."""
        image, source = self.victim("byte"), self.victim("byte-source")
        document: dict[str, Any] = json.loads(self.bundle(source))
        payload = base64.b64decode(document["dsseEnvelope"]["payload"])
        # In a name: the statement stays well formed, and about this image.
        changed = payload.replace(b"attack/byte-source", b"attack/byte-sourcf", 1)
        document["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
        store_bundle(image, json.dumps(document).encode(), _SIGN, "signature")
        return self._expect("one byte of the bundle is flipped", image, {"signature"})

    def foreign_log_entry(self) -> Attack:
        """A good log entry that is for another bundle."""
        image, source = self.victim("log"), self.victim("log-source")
        document: dict[str, Any] = json.loads(self.bundle(source))
        other: dict[str, Any] = json.loads(self.bundle(source))
        material = document["verificationMaterial"]
        material["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
        store_bundle(image, json.dumps(document).encode(), _SIGN, "signature")
        return self._expect("the log entry is for another bundle", image, {"log-entry"})

    def throttled_lookup(self) -> Attack:
        """A registry that answers 429: nothing is known, least of all "unsigned"."""
        name = "the registry answers 429 to the lookup"
        image = self.victim("throttled")
        self.bundle(image)
        fault = self.registry.fail(
            "/v2/attack/throttled/referrers/", 429, headers={"Retry-After": "3600"}
        )
        try:
            verify(image, self.identity, trust=self.sigstore.trust)
        except RateLimited as error:
            return Attack(name, True, "could not tell", str(error))
        except VerificationError as error:
            return Attack(name, False, 'WRONGLY TOLD AS "UNSIGNED"', str(error))
        except ProvenanceError as error:
            return Attack(name, False, f"refused by the wrong step ({error.code})", str(error))
        finally:
            fault.remove()
        return Attack(name, False, "ACCEPTED", "it was verified without any lookup")

    def _expect(self, name: str, image: Image, steps: set[str]) -> Attack:
        """It must not verify, and the only evidence must have been refused by one of `steps`."""
        trust = self.sigstore.trust
        try:
            verify(image, self.identity, trust=trust)
        except NoMatchingEvidence:
            found = examine(image, self.identity, trust=trust).evidence
            reason = "; ".join(f"{e.step}: {e.reason}" for e in found)
            if [e.step for e in found] and {e.step for e in found} <= steps:
                return Attack(name, True, "refused", reason)
            return Attack(name, False, "refused by the wrong step", reason)
        except ProvenanceError as error:
            return Attack(name, False, f"refused by the wrong step ({error.code})", str(error))
        return Attack(name, False, "ACCEPTED", "it was verified")


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
