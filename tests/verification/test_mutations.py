"""Whatever is changed in a good signature: it is refused, or proves exactly what it proved.

Bytes are flipped in the document and inside of what it holds in base64; parts are exchanged with
those of another good signature, one by one and in every combination. `PROVENANCE_MUTATIONS` sets
how many flips there are in all (the project's bar is 20,000).
"""

from __future__ import annotations

import base64
import binascii
import copy
import itertools
import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.verification.shapes import PARTLY, Found, Shape, pairs

from provenance.errors import ProvenanceError

if TYPE_CHECKING:
    from collections.abc import Iterator

FLIPS = int(os.environ.get("PROVENANCE_MUTATIONS", "1800"))
NAMES = (
    "v1, dsse 0.0.1",
    "v1, intoto 0.0.2",
    "v1, promise alone",
    "v2",
    "v2, two timestamps",
    "v1 and v2, two timestamps",
    PARTLY,
    "timestamp alone, root without logs",
    "v1, bytes",
    "layer, keyless, timestamp",
    "attestation layer, intoto 0.0.1",
    "key, rsa-2048 rsa-pss, v2",
    "key, ed25519 ed25519ph, bytes",
)
Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def both() -> dict[str, tuple[Shape, Shape]]:
    found = pairs()
    return {name: found[name] for name in NAMES}


def outcome(shape: Shape, raw: bytes | dict[str, Any]) -> Found | None:
    """None: refused, in our words."""
    try:
        return shape.verify(raw)
    except ProvenanceError:
        return None


@pytest.mark.parametrize("name", NAMES)
def test_no_flipped_byte_proves_anything_else(
    both: dict[str, tuple[Shape, Shape]], name: str
) -> None:
    shape, _ = both[name]
    expected = shape.verify()
    for raw in flips(shape, FLIPS // len(NAMES), random.Random(name)):
        found = outcome(shape, raw)
        assert found is None or found == expected, raw


@pytest.mark.parametrize("name", NAMES)
def test_no_exchanged_part_proves_anything_else(
    both: dict[str, tuple[Shape, Shape]], name: str
) -> None:
    shape, other = both[name]
    expected, theirs = shape.verify(), other.verify()
    assert expected != theirs
    for path in leaves(shape.document):
        changed = exchanged(shape.document, other.document, [path])
        if changed is not None:
            found = outcome(shape, changed)
            assert found is None or found == expected, path


@pytest.mark.parametrize("name", NAMES)
def test_no_mixture_of_two_signatures_proves_anything_else(
    both: dict[str, tuple[Shape, Shape]], name: str
) -> None:
    shape, other = both[name]
    expected, theirs = shape.verify(), other.verify()
    parts = [p for p in PARTS if any(has(shape.document, path) for path in p)]
    mixed = 0
    for count in range(1, len(parts) + 1):
        for chosen in itertools.combinations(parts, count):
            paths = [path for part in chosen for path in part]
            changed = exchanged(shape.document, other.document, paths)
            if changed is None:
                continue
            found = outcome(shape, changed)
            mixed += found is None
            # The other one whole is what it is: only then is it shown.
            assert found in (None, expected, theirs), chosen
            if found == theirs:
                assert same_but_for_claims(changed, other.document), chosen
    assert mixed


_MATERIAL = "verificationMaterial"
_ENTRIES: Path = (_MATERIAL, "tlogEntries")
_COSIGN = "dev.sigstore.cosign/"
# Each is a part of its own that somebody could exchange; those inside of others come after them.
PARTS: tuple[tuple[Path, ...], ...] = (
    (("dsseEnvelope", "payload"), ("payload",), ("messageSignature", "messageDigest")),
    (
        ("dsseEnvelope", "signatures"),
        ("messageSignature", "signature"),
        ("dev.cosignproject.cosign/signature",),
    ),
    (
        (_MATERIAL, "certificate"),
        (_MATERIAL, "x509CertificateChain"),
        (_MATERIAL, "publicKey"),
        (f"{_COSIGN}certificate",),
    ),
    (_ENTRIES, (f"{_COSIGN}bundle",)),
    ((*_ENTRIES, 0, "canonicalizedBody"), (f"{_COSIGN}bundle", "Payload", "body")),
    ((*_ENTRIES, 0, "inclusionProof"),),
    ((*_ENTRIES, 0, "inclusionProof", "checkpoint"),),
    (
        (*_ENTRIES, 0, "inclusionPromise"),
        (*_ENTRIES, 0, "integratedTime"),
        (f"{_COSIGN}bundle", "SignedEntryTimestamp"),
    ),
    ((_MATERIAL, "timestampVerificationData"), (f"{_COSIGN}rfc3161timestamp",)),
)


def flips(shape: Shape, count: int, chance: random.Random) -> Iterator[bytes]:
    """Documents of which one byte is another; every second time, one inside of base64.

    A layer is no document of its own: there, a byte of a text.
    """
    texts = [path for path in leaves(shape.document) if isinstance(at(shape.document, path), str)]
    inside = [path for path in texts if decoded(at(shape.document, path))]
    for number in range(count):
        if number % 2:
            path = chance.choice(inside)
            data = decoded(at(shape.document, path))
            changed = base64.b64encode(flipped(data, chance)).decode()
        elif shape.content in {"statement", "blob"}:
            yield flipped(shape.raw, chance)
            continue
        else:
            path = chance.choice([path for path in texts if at(shape.document, path)])
            text = str(at(shape.document, path))
            changed = flipped(text.encode(), chance).decode("latin-1")
        yield json.dumps(replaced(shape.document, path, changed)).encode()


def flipped(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    out[chance.randrange(len(out))] ^= chance.randrange(1, 256)
    return bytes(out)


def decoded(value: Any) -> bytes:
    """What a value holds in base64; empty where it holds something else."""
    try:
        return base64.b64decode(value, validate=True) if len(value) > 15 else b""
    except (binascii.Error, ValueError, TypeError):
        return b""


def leaves(value: Any, above: Path = ()) -> list[Path]:
    """Where everything stands that is neither object nor array."""
    if not isinstance(value, (dict, list)):
        return [above]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [path for key, child in items for path in leaves(child, (*above, key))]


def has(document: Any, path: Path) -> bool:
    try:
        at(document, path)
    except (LookupError, TypeError):
        return False
    return True


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def replaced(document: Any, path: Path, value: Any) -> Any:
    out = copy.deepcopy(document)
    at(out, path[:-1])[path[-1]] = copy.deepcopy(value)
    return out


def exchanged(document: Any, other: Any, paths: list[Path]) -> Any:
    """With those parts of the other one; None where that changes nothing."""
    out = document
    for path in paths:
        if has(out, path) and has(other, path):
            out = replaced(out, path, at(other, path))
    return None if out == document else out


def same_but_for_claims(document: Any, other: Any) -> bool:
    """Whether all that is proven or signed is the other one's."""
    unproven: list[Path] = [
        (_MATERIAL, "publicKey"),
        ("messageSignature", "messageDigest"),
        (*_ENTRIES, 0, "logIndex"),
        (f"{_COSIGN}chain",),
    ]
    left, right = document, other
    for path in unproven:
        if has(left, path) and has(right, path):
            left, right = replaced(left, path, None), replaced(right, path, None)
    return bool(left == right)
