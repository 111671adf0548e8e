"""TUF over files at hand: every signature is checked again, from root to root."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.formats import encode_canonical
from tuf.api.exceptions import LengthOrHashMismatchError, UnsignedMetadataError

from provenance.testing.sigstore.tuf_repository import TufRepository
from provenance.trust.replaying import replay

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
TARGETS = {"trusted_root.json": b"{}", "signing_config.v0.2.json": b"[]"}


def files(repository: TufRepository) -> dict[str, bytes]:
    """What a client that has refreshed has."""
    published = repository.files
    found = {f"root_history/{n}": d for n, d in published.items() if n.endswith(".root.json")}
    for role in ("snapshot", "targets"):
        newest = max(
            (n for n in published if n.endswith(f".{role}.json")),
            key=lambda n: int(n.split(".")[0]),
        )
        found[f"{role}.json"] = published[newest]
    found["timestamp.json"] = published["timestamp.json"]
    return found | {f"targets/{name}": data for name, data in TARGETS.items()}


@pytest.fixture
def repository() -> TufRepository:
    made = TufRepository(lambda: NOW)
    made.publish(TARGETS)
    return made


def test_the_targets_are_what_was_signed(repository: TufRepository) -> None:
    repository.rotate_root()
    repository.rotate_online_key()
    found = replay(repository.root_json, files(repository))
    assert found.targets == TARGETS
    assert found.root_version == 3
    assert found.expires == found.root_expires == NOW + dt.timedelta(days=30)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_age_is_not_judged_here(repository: TufRepository, role: str) -> None:
    """TUF 5.4 to 5.6: each of the three ends by itself, and with it what is signed of them all."""
    repository.expire(role)
    found = replay(repository.root_json, files(repository))
    assert found.expires == NOW - dt.timedelta(hours=1)


def test_a_changed_target_is_refused(repository: TufRepository) -> None:
    changed = files(repository) | {"targets/trusted_root.json": b"[]"}
    with pytest.raises(LengthOrHashMismatchError):
        replay(repository.root_json, changed)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_changed_metadata_is_refused(repository: TufRepository, role: str) -> None:
    found = files(repository)
    document = json.loads(found[f"{role}.json"])
    document["signed"]["expires"] = "2999-01-01T00:00:00Z"
    with pytest.raises(UnsignedMetadataError):
        replay(repository.root_json, found | {f"{role}.json": json.dumps(document).encode()})


@pytest.mark.parametrize(
    "name", ["timestamp.json", "snapshot.json", "targets.json", "root_history/2.root.json"]
)
def test_what_another_repository_signed_is_refused(repository: TufRepository, name: str) -> None:
    other = TufRepository(lambda: NOW)
    other.publish(TARGETS)
    for one in (repository, other):
        one.rotate_root()
    mixed = files(repository) | {name: files(other)[name]}
    with pytest.raises(UnsignedMetadataError):
        replay(repository.root_json, mixed)


def test_an_older_file_beside_newer_ones_is_refused(repository: TufRepository) -> None:
    old = files(repository)
    repository.publish(TARGETS)
    for name in ("snapshot.json", "targets.json"):
        with pytest.raises(ValueError, match="expected version 2, got 1"):
            replay(repository.root_json, files(repository) | {name: old[name]})


def test_a_root_under_another_number_is_refused(repository: TufRepository) -> None:
    repository.rotate_root()
    moved = files(repository)
    moved["root_history/2.root.json"] = repository.root_json
    with pytest.raises(ValueError, match="root 2 calls itself version 1"):
        replay(repository.root_json, moved)


@pytest.mark.parametrize("name", ["timestamp.json", "snapshot.json", "targets.json"])
def test_a_missing_file_is_missing(repository: TufRepository, name: str) -> None:
    found = files(repository)
    del found[name]
    with pytest.raises(KeyError):
        replay(repository.root_json, found)


def test_a_root_that_was_not_signed_by_itself_is_none(repository: TufRepository) -> None:
    document = json.loads(repository.root_json)
    document["signed"]["version"] = 9
    with pytest.raises(UnsignedMetadataError):
        replay(json.dumps(document).encode(), files(repository))


# Sigstore's own roots


def public_key(stated: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """Versions 1 to 4 write points of P-256 in hex, later ones PEM."""
    text = stated["keyval"]["public"]
    if text.startswith("-----"):
        key = serialization.load_pem_public_key(text.encode())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return key
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(text))


def signers(document: dict[str, Any], root: dict[str, Any]) -> int:
    """How many different root keys of `root` signed `document`."""
    signed = str(encode_canonical(document["signed"])).encode()
    points = set()
    for signature in document["signatures"]:
        role = root["signed"]["roles"]["root"]
        if signature["keyid"] not in role["keyids"] or not signature["sig"]:
            continue
        key = public_key(root["signed"]["keys"][signature["keyid"]])
        try:
            key.verify(bytes.fromhex(signature["sig"]), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        points.add(key.public_numbers())
    return len(points)


@pytest.mark.corpus
def test_every_root_is_signed_by_a_threshold_of_the_one_before(corpus: Path) -> None:
    history = corpus / "sigstore-roots" / "metadata" / "root_history"
    roots = [json.loads((history / f"{n}.root.json").read_bytes()) for n in range(1, 16)]
    for number, root in enumerate(roots, 1):
        assert root["signed"]["version"] == number
        threshold = root["signed"]["roles"]["root"]["threshold"]
        assert threshold >= 3
        assert signers(root, root) >= threshold, number
        if number > 1:
            before = roots[number - 2]
            needed = before["signed"]["roles"]["root"]["threshold"]
            assert signers(root, before) >= needed, number


@pytest.mark.filterwarnings("ignore:keytype .* is deprecated")  # what version 5 calls its keys
@pytest.mark.corpus
def test_the_published_repository_is_replayed_from_every_root_in_use(corpus: Path) -> None:
    folder = corpus / "sigstore-roots"
    metadata = folder / "metadata"
    found = {
        f"root_history/{f.name}": f.read_bytes() for f in (metadata / "root_history").iterdir()
    }
    found |= {n: (metadata / n).read_bytes() for n in ("timestamp.json", "snapshot.json")}
    found["targets.json"] = (metadata / "targets.json").read_bytes()
    names = ("trusted_root.json", "signing_config.v0.2.json")
    found |= {f"targets/{n}": (folder / "targets" / n).read_bytes() for n in names}
    for number in range(5, 16):  # earlier ones write keys in a form that TUF clients dropped
        replayed = replay(found[f"root_history/{number}.root.json"], found)
        assert replayed.root_version == 15
        assert set(replayed.targets) == set(names)
