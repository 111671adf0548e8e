"""The referrers API of the embedded registry (distribution-spec 1.1, "Listing Referrers")."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.testing.wire import (
    CONFIG,
    INDEX,
    MANIFEST,
    ask,
    descriptor,
    digest_of,
    manifest,
)

from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT = descriptor(b"the image", MANIFEST)
PATH = f"/v2/org/app/referrers/{SUBJECT['digest']}"


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as running:
        yield running


def add(registry: LocalRegistry, kind: str = MANIFEST, **fields: Any) -> dict[str, Any]:
    """Put a manifest with this subject; its plain descriptor."""
    data = manifest(**{"subject": SUBJECT, "mediaType": kind, **fields})
    registry.put_blob("org/app", b"{}")
    digest = digest_of(data)
    headers = {"Content-Type": kind}
    answer = ask(registry, "PUT", f"/v2/org/app/manifests/{digest}", headers=headers, body=data)
    assert answer.status == 201
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def listed(registry: LocalRegistry, query: str = "") -> list[dict[str, Any]]:
    answer = ask(registry, "GET", PATH + query)
    assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
    document = answer.json
    assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
    found: list[dict[str, Any]] = document["manifests"]
    return found


def test_nothing_refers_to_what_is_unknown(registry: LocalRegistry) -> None:
    assert listed(registry) == []


@pytest.mark.parametrize(
    ("kind", "fields", "extra"),
    [
        (MANIFEST, {"artifactType": "a/b"}, {"artifactType": "a/b"}),
        (MANIFEST, {}, {"artifactType": CONFIG}),
        (
            MANIFEST,
            {"artifactType": "a/b", "annotations": {"k": "v"}},
            {"artifactType": "a/b", "annotations": {"k": "v"}},
        ),
        (INDEX, {"config": None, "layers": None, "manifests": []}, {}),
        (
            INDEX,
            {"config": None, "layers": None, "manifests": [], "artifactType": "a/b"},
            {"artifactType": "a/b"},
        ),
    ],
    ids=[
        "the artifact type",
        "the config's type where there is none",
        "all annotations",
        "an index without artifact type",
        "an index with one",
    ],
)
def test_a_descriptor_has(
    registry: LocalRegistry, kind: str, fields: dict[str, Any], extra: dict[str, Any]
) -> None:
    plain = add(registry, kind, **fields)
    assert listed(registry) == [{**plain, **extra}]


def test_a_deleted_referrer_is_listed_no_more(registry: LocalRegistry) -> None:
    digest = add(registry)["digest"]
    assert ask(registry, "DELETE", f"/v2/org/app/manifests/{digest}").status == 202
    assert listed(registry) == []


def test_referrers_of_another_repository_are_not_listed(registry: LocalRegistry) -> None:
    add(registry)
    other = ask(registry, "GET", PATH.replace("org/app", "other"))
    assert (other.status, other.json["manifests"]) == (200, [])


def test_a_filter_is_applied_and_said_to_be(registry: LocalRegistry) -> None:
    wanted = add(registry, artifactType="text/wanted+json")
    add(registry, artifactType="text/other")
    answer = ask(registry, "GET", f"{PATH}?artifactType=text%2Fwanted%2Bjson")
    assert [d["digest"] for d in answer.json["manifests"]] == [wanted["digest"]]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert ask(registry, "GET", PATH).headers["OCI-Filters-Applied"] is None


def test_a_registry_that_does_not_filter_says_nothing() -> None:
    with LocalRegistry(filters_referrers=False) as registry:
        add(registry, artifactType="text/other")
        answer = ask(registry, "GET", f"{PATH}?artifactType=text/wanted")
        assert len(answer.json["manifests"]) == 1
        assert answer.headers["OCI-Filters-Applied"] is None


@pytest.mark.parametrize("query", ["", "?artifactType=a/0"])
def test_pages_are_linked_and_keep_the_filter(query: str) -> None:
    with LocalRegistry(page_size=2) as registry:
        added = [
            add(registry, artifactType=f"a/{i % 2}", annotations={"i": str(i)}) for i in range(10)
        ]
        wanted = [d["digest"] for i, d in enumerate(added) if not query or i % 2 == 0]
        path, pages = PATH + query, list[list[str]]()
        while path:
            answer = ask(registry, "GET", path)
            pages.append([d["digest"] for d in answer.json["manifests"]])
            link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers["Link"] or "")
            path = link[1] if link else ""
    assert [len(page) for page in pages] == ([2] * 5 if not query else [2, 2, 1])
    assert [digest for page in pages for digest in page] == wanted


def test_a_registry_without_the_api_is_like_distribution_2_8() -> None:
    with LocalRegistry(referrers_api=False) as registry:
        registry.put_blob("org/app", b"{}")
        data = manifest(subject=SUBJECT)
        headers = {"Content-Type": MANIFEST}
        put = ask(registry, "PUT", "/v2/org/app/manifests/1.0", headers=headers, body=data)
        assert (put.status, put.headers["OCI-Subject"]) == (201, None)
        answer = ask(registry, "GET", PATH)
        assert (answer.status, answer.body) == (404, b"404 page not found\n")


def test_what_a_test_put_there_by_hand_is_listed(registry: LocalRegistry) -> None:
    registry.put_manifest("org/app", json.dumps({"subject": SUBJECT}).encode())
    registry.put_manifest("org/app", b"no manifest at all")
    registry.put_manifest("org/app", json.dumps({"subject": "x"}).encode())
    assert len(listed(registry)) == 1
