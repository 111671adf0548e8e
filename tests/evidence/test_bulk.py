"""Many images at a time: one session, answers as they come, nothing kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = "release@example.com"


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture
def images(local_registry: LocalRegistry, sigstore: LocalSigstore) -> list[str]:
    signer = sigstore.signer(WHO)
    found = []
    for number in range(6):
        tag = local_registry.reference(f"team/app:{number}")
        ImageBuilder().layer({"a": str(number).encode()}).push(tag)
        if number != 3:
            pv.sign(tag, signer)
        found.append(tag)
    return [*found, local_registry.reference("team/app:absent")]


@pytest.fixture
def asked(sigstore: LocalSigstore) -> dict[str, Any]:
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "trust": sigstore.trust}


def test_every_image_has_an_answer_and_its_place(images: list[str], asked: dict[str, Any]) -> None:
    answers = sorted(pv.verify_all(images, **asked), key=lambda a: a.index)
    assert [a.image for a in answers] == images
    assert [bool(a) for a in answers] == [True, True, True, False, True, True, False]
    assert isinstance(answers[3].error, pv.NoMatchingEvidence)
    assert isinstance(answers[6].error, pv.NotFound)
    assert answers[0].require().signatures
    with pytest.raises(pv.NotFound):
        answers[6].require()


def test_a_login_serves_all_of_them(sigstore: LocalSigstore, asked: dict[str, Any]) -> None:
    with LocalRegistry(auth="bearer", username="ann", password="pw") as registry:
        credentials = {registry.host: ("ann", "pw")}
        with pv.Registry(credentials=credentials) as session:
            tags = []
            for number in range(4):
                tag = registry.reference(f"team/app:{number}")
                ImageBuilder().layer({"a": str(number).encode()}).push(tag, registry=session)
                pv.sign(tag, sigstore.signer(WHO), registry=session)
                tags.append(tag)
        with pv.Registry(credentials=credentials) as fresh:
            registry.clear_requests()
            assert all(pv.verify_all(tags, registry=fresh, workers=2, **asked))
        tokens = [r for r in registry.requests if "/token" in r.path]
        assert len(tokens) == 1


def test_images_are_taken_as_there_is_room(images: list[str], asked: dict[str, Any]) -> None:
    taken = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(1)
            yield images[0]

    answers = pv.verify_all(endless(), workers=1, **asked)
    for _ in range(3):
        assert next(answers)
    assert len(taken) < 8
    del answers
    assert not [t for t in threading.enumerate() if t.name.startswith("verify") and t.is_alive()]


def test_the_question_is_checked_before_any_image_is_read(asked: dict[str, Any]) -> None:
    def none() -> Iterator[str]:
        raise AssertionError("an image was asked for")
        yield ""

    with pytest.raises(TypeError, match="exactly one"):
        pv.verify_all(none())
    with pytest.raises(pv.NotFound):
        pv.verify_all(none(), key="absent.pub", trust=asked["trust"])


def test_one_reference_is_not_many_images(asked: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="a list"):
        pv.verify_all("registry.example/app", **asked)
    with pytest.raises(ValueError, match="workers"):
        pv.verify_all([], workers=0, **asked)


def test_whoever_waits_for_a_server_ends_with_the_rest(
    local_registry: LocalRegistry, images: list[str], asked: dict[str, Any]
) -> None:
    slow = local_registry.reference("team/slow:1")
    ImageBuilder().layer({"a": b"slow"}).push(slow)
    local_registry.delay("/team/slow/referrers/", 5.0)
    answers = pv.verify_all([images[0], slow], workers=2, **asked)
    assert next(answers).image == images[0]
    answers.close()  # type: ignore[attr-defined]
    # It would have looked for the older tags when the list had come.
    assert not [r for r in local_registry.requests if "/team/slow/" in r.path and ".sig" in r.path]
