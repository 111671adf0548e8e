from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.registries import open_repository, paths, push

from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
)
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag
from provenance.settings import Limits
from provenance.testing.registry import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing.registry.messages import Request, Response


def refer(
    repository: RegistryRepository, subject: Descriptor, name: str, kind: str = "text/x"
) -> Descriptor:
    return push(repository, None, subject=subject, artifact_type=kind, annotations={"name": name})


def put_fallback(local: LocalRegistry, subject: Descriptor, entries: list[Descriptor]) -> None:
    index = Index.build(entries)
    tag = digest_tag(subject.digest)
    local.put_manifest("org/app", index.raw, media_type=mt.OCI_INDEX, tag=tag)


@pytest.fixture
def paged() -> Iterator[LocalRegistry]:
    """Two pages of referrers."""
    with LocalRegistry(page_size=2) as local:
        yield local


def pushed_to(local: LocalRegistry, count: int = 3) -> Descriptor:
    repository = open_repository(local)
    subject = push(repository)
    for number in range(count):
        refer(repository, subject, str(number))
    local.clear_requests()
    return subject


@pytest.mark.parametrize("api", [True, False])
def test_every_page_of_either_scheme(*, api: bool) -> None:
    with LocalRegistry(referrers_api=api, page_size=2) as local:
        repository = open_repository(local)
        subject = push(repository)
        pushed = {refer(repository, subject, str(n)).digest for n in range(5)}
        found = repository.referrers(subject.digest)
        assert {d.digest for d in found} == pushed
        assert found.scheme == ("api" if api else "fallback-tag")
        assert {d.annotations["name"] for d in found} == set("01234")
        assert {d.artifact_type for d in found} == {"text/x"}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
def test_a_refusal_is_not_an_empty_list(
    local_registry: LocalRegistry, repository: RegistryRepository, status: int
) -> None:
    subject = push(repository)
    fresh = open_repository(local_registry)
    local_registry.fail("/referrers/", status)
    with pytest.raises(ProvenanceError) as refused:
        fresh.referrers(subject.digest)
    assert not isinstance(refused.value, NotFound)
    assert fresh.learnt.referrers_api is None


@pytest.mark.parametrize("status", [400, 404, 405, 406])
def test_a_registry_without_the_api_is_asked_by_tag(
    local_registry: LocalRegistry, repository: RegistryRepository, status: int
) -> None:
    subject = push(repository)
    entry = refer(repository, subject, "x")
    index = Index.build([entry])
    local_registry.put_manifest(
        "org/app", index.raw, media_type=mt.OCI_INDEX, tag=digest_tag(subject.digest)
    )
    local_registry.fail("/referrers/", status)
    found = open_repository(local_registry).referrers(subject.digest)
    assert found.scheme == "fallback-tag"
    assert [d.digest for d in found] == [entry.digest]


def test_a_web_page_is_no_answer_of_the_api(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    subject = push(repository)
    local_registry.html("/referrers/")
    assert open_repository(local_registry).referrers(subject.digest).scheme == "fallback-tag"


def test_a_redirect_of_the_listing_is_not_followed(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    subject = push(repository)
    with LocalRegistry() as other:
        local_registry.redirect("/referrers/", f"{other.url}/login", status=303)
        assert len(open_repository(local_registry).referrers(subject.digest)) == 0
        assert other.requests == []


def test_an_empty_answer_still_looks_at_the_tag(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    subject = push(repository)
    entry = push(repository, None)
    index = Index.build([entry])
    local_registry.put_manifest(
        "org/app", index.raw, media_type=mt.OCI_INDEX, tag=digest_tag(subject.digest)
    )
    assert [d.digest for d in repository.referrers(subject.digest)] == [entry.digest]


def test_a_tag_that_holds_no_index_is_an_error(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    subject = push(repository)
    push(repository, tag=digest_tag(subject.digest))
    with pytest.raises(MalformedDocument, match="referrers index"):
        repository.referrers(subject.digest)


def test_an_answer_that_is_no_index_is_not_an_empty_one(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    subject = push(repository)
    headers = {"Content-Type": mt.OCI_INDEX}
    local_registry.fail("/referrers/", 200, headers=headers, body=b"{}")
    with pytest.raises(ProvenanceError):
        open_repository(local_registry).referrers(subject.digest)


def test_too_many_are_not_cut(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, limits=Limits(referrers=2))
    subject = push(repository)
    for number in range(3):
        refer(repository, subject, str(number))
    with pytest.raises(LimitExceeded):
        repository.referrers(subject.digest)


def test_two_writers_of_a_fallback_index_lose_nothing() -> None:
    with LocalRegistry(referrers_api=False) as local:
        subject = push(open_repository(local))
        writers = [open_repository(local) for _ in range(4)]
        pushed: set[str] = set()
        errors: list[BaseException] = []

        def write(repository: RegistryRepository, number: int) -> None:
            try:
                pushed.add(refer(repository, subject, str(number)).digest)
            except ProvenanceError as error:
                errors.append(error)

        threads = [
            threading.Thread(target=write, args=(writer, number))
            for number, writer in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {d.digest for d in open_repository(local).referrers(subject.digest)}
        # Whoever could not enter itself said so; nobody who succeeded was lost.
        assert pushed <= found
        assert len(pushed) + len(errors) == 4


@pytest.mark.parametrize("status", [303, 400, 401, 403, 404, 405, 406, 429, 500, 503])
def test_a_later_page_that_fails_is_not_the_end(paged: LocalRegistry, status: int) -> None:
    subject = pushed_to(paged)
    repository = open_repository(paged)

    def strike(request: Request, response: Response | None) -> Response | None:
        from provenance.testing.registry.messages import error

        if response is None or "start" not in request.query:
            return response
        return error(status, "UNKNOWN", "no more", {"Location": "/elsewhere"})

    paged._add("/referrers/", strike)
    with pytest.raises(ProvenanceError) as refused:
        repository.referrers(subject.digest)
    assert f"{paged.host}/org/app" in str(refused.value)
    assert subject.digest in str(refused.value)
    assert repository.learnt.referrers_api is None


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ('<http://127.0.0.1:9/v2/org/app/referrers/x>; rel="next"', "another host"),
        ('<https://{host}/v2/org/app/referrers/x>; rel="next"', "another host"),
        ('<//127.0.0.1:9/x>; rel="next"', "another host"),
        ('<file:///etc/passwd>; rel="next"', "no http or https URL"),
        ('<http://[::1>; rel="next"', "no URL"),
        ('</v2/org/app/referrers/{subject}>; rel="next"', "earlier one"),
        # Nothing may be lost because a link is not as it should be.
        ('</v2/org/app/referrers/x; rel="next"', "cannot be read"),
        ('</v2/org/app/referrers/x>; rel="next', "cannot be read"),
        ('</x>; rel="next", </y>; rel="next"', "two next pages"),
    ],
)
def test_a_next_page_leads_on_within_the_registry(
    local_registry: LocalRegistry, link: str, message: str
) -> None:
    subject = pushed_to(local_registry)
    value = link.format(host=local_registry.host, subject=subject.digest)
    local_registry.set_header("/referrers/", "Link", value)
    repository = open_repository(local_registry)
    with pytest.raises(RegistryUnavailable, match=message) as refused:
        repository.referrers(subject.digest)
    assert f"{local_registry.host}/org/app" in str(refused.value)
    assert repository.learnt.referrers_api is None


@pytest.mark.parametrize("link", ['</v2/next/first>; rel="first"', '</x>; rel="nextone"', "<next>"])
def test_a_link_to_something_else_is_no_next_page(local_registry: LocalRegistry, link: str) -> None:
    subject = pushed_to(local_registry)
    local_registry.set_header("/referrers/", "Link", link)
    assert len(open_repository(local_registry).referrers(subject.digest)) == 3


def test_pages_in_a_ring_are_an_error(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry)
    path = f"/v2/org/app/referrers/{subject.digest}"

    def strike(request: Request, response: Response | None) -> Response | None:
        from dataclasses import replace

        assert response is not None
        number = (int(request.parameter("n") or 0) + 1) % 3
        link = f'<{path}?n={number}>; rel="next"'
        return replace(response, headers={**response.headers, "Link": link})

    local_registry._add("/referrers/", strike)
    with pytest.raises(RegistryUnavailable, match="earlier one"):
        open_repository(local_registry).referrers(subject.digest)
    assert len(local_registry.requests) <= 4


def test_pages_without_an_end_are_an_error(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry, 0)
    path = f"/v2/org/app/referrers/{subject.digest}"

    def strike(request: Request, response: Response | None) -> Response | None:
        from dataclasses import replace

        assert response is not None
        link = f'<{path}?n={int(request.parameter("n") or 0) + 1}>; rel="next"'
        return replace(response, headers={**response.headers, "Link": link})

    local_registry._add("/referrers/", strike)
    with pytest.raises(LimitExceeded, match="7 pages"):
        open_repository(local_registry, limits=Limits(pages=7)).referrers(subject.digest)
    assert len(local_registry.requests) == 7


def test_a_page_that_is_a_web_page_is_not_the_end(paged: LocalRegistry) -> None:
    subject = pushed_to(paged)

    def strike(request: Request, response: Response | None) -> Response | None:
        from dataclasses import replace

        if response is None or "start" not in request.query:
            return response
        return replace(response, headers={"Content-Type": "text/html"})

    paged._add("/referrers/", strike)
    with pytest.raises(RegistryUnavailable, match="text/html"):
        open_repository(paged).referrers(subject.digest)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b'{"schemaVersion": 2, "manifests": {}}',
        b'{"schemaVersion": 2, "manifests": [5]}',
        b'{"schemaVersion": 2, "manifests": [], "manifests": []}',
        b'{"schemaVersion": 2, "manifests": [{"mediaType": "a/b", "digest": "x", "size": 1}]}',
    ],
)
def test_a_page_that_is_no_index_is_not_an_empty_one(
    local_registry: LocalRegistry, body: bytes
) -> None:
    subject = pushed_to(local_registry)
    local_registry.fail("/referrers/", 200, headers={"Content-Type": mt.OCI_INDEX}, body=body)
    with pytest.raises(RegistryUnavailable, match="list of referrers") as refused:
        open_repository(local_registry).referrers(subject.digest)
    assert refused.value.digest == subject.digest


def test_a_page_is_capped(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry, 8)
    with pytest.raises(LimitExceeded, match="list of referrers") as refused:
        open_repository(local_registry, limits=Limits(manifest_bytes=1000)).referrers(
            subject.digest
        )
    assert f"{local_registry.host}/org/app" in str(refused.value)


def test_plain_json_as_harbor_sends_is_read(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry)
    local_registry.set_header("/referrers/", "Content-Type", "application/json; charset=utf-8")
    found = open_repository(local_registry).referrers(subject.digest)
    assert (len(found), found.scheme) == (3, "api")


def test_what_a_registry_lacks_is_asked_for_once() -> None:
    with LocalRegistry(referrers_api=False) as local:
        subject = pushed_to(local)
        repository = open_repository(local)
        for _ in range(2):
            assert len(repository.referrers(subject.digest)) == 3
        tag = f"GET manifests/{digest_tag(subject.digest)}"
        assert paths(local) == [f"GET referrers/{subject.digest}", tag, tag]


def test_a_fallback_that_cannot_be_read_is_not_an_empty_one(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry, 0)
    local_registry.fail("/referrers/", 404)
    local_registry.fail("/manifests/sha256-", 429)
    with pytest.raises(RateLimited):
        open_repository(local_registry).referrers(subject.digest)


def test_types_are_filtered_and_vague_ones_kept(local_registry: LocalRegistry) -> None:
    subject = pushed_to(local_registry, 0)
    kinds = ["text/x", "text/y", "", mt.OCI_CONFIG, mt.EMPTY_JSON]
    entries = [
        Descriptor(mt.OCI_MANIFEST, Digest.of(bytes([n])), 1, artifact_type=kind)
        for n, kind in enumerate(kinds)
    ]
    put_fallback(local_registry, subject, entries)
    local_registry.fail("/referrers/", 404)
    repository = open_repository(local_registry)
    assert [d.artifact_type for d in repository.referrers(subject.digest)] == kinds
    # cosign #4641: older clients wrote those, and only the manifest tells.
    found = repository.referrers(subject.digest, artifact_type="text/x")
    assert [d.artifact_type for d in found] == [k for k in kinds if k != "text/y"]


class Overwritten(LocalRegistry):
    """A registry with a second writer, who overwrites the fallback index after each PUT."""

    def __init__(self, times: int) -> None:
        super().__init__(referrers_api=False)
        self.times = times
        self.theirs: list[Descriptor] = []

    def respond(self, request: Request) -> Response:
        response = super().respond(request)
        if request.method == "PUT" and "/manifests/sha256-" in request.path and self.times:
            self.times -= 1
            tag = request.path.rpartition("/")[2]
            theirs = Manifest.build(EMPTY_DESCRIPTOR, [], annotations={"n": str(self.times)})
            self.put_manifest("org/app", theirs.raw)
            self.theirs.append(theirs.descriptor)
            raw = Index.build(self.theirs).raw
            self.put_manifest("org/app", raw, media_type=mt.OCI_INDEX, tag=tag)
        return response


@pytest.mark.parametrize("times", [0, 1, 2])
def test_an_entry_that_was_overwritten_is_entered_again(times: int) -> None:
    with Overwritten(times) as local:
        repository = open_repository(local)
        subject = push(repository)
        ours = refer(repository, subject, "ours")
        found = {d.digest for d in open_repository(local).referrers(subject.digest)}
        assert found == {ours.digest, *(d.digest for d in local.theirs)}
        assert len(local.theirs) == times


def test_a_writer_that_never_wins_says_so() -> None:
    with Overwritten(1000) as local:
        repository = open_repository(local)
        subject = push(repository)
        with pytest.raises(RegistryUnavailable, match="overwritten by someone else") as refused:
            refer(repository, subject, "ours")
        assert refused.value.digest == subject.digest
        assert "not listed" in str(refused.value)


def test_a_fallback_tag_that_is_taken_is_not_overwritten() -> None:
    with LocalRegistry(referrers_api=False) as local:
        repository = open_repository(local)
        subject = push(repository)
        taken = push(repository, tag=digest_tag(subject.digest), annotations={"by": "them"})
        with pytest.raises(MalformedDocument, match="referrers index"):
            refer(repository, subject, "ours")
        assert local.tags["org/app"][digest_tag(subject.digest)] == taken.digest


def test_entering_twice_changes_nothing() -> None:
    with LocalRegistry(referrers_api=False) as local:
        repository = open_repository(local)
        subject = push(repository)
        first = refer(repository, subject, "ours")
        tag = local.tags["org/app"][digest_tag(subject.digest)]
        assert refer(repository, subject, "ours").digest == first.digest
        assert local.tags["org/app"][digest_tag(subject.digest)] == tag
        assert len(repository.referrers(subject.digest)) == 1


def test_a_repository_that_is_not_there_has_no_referrers(local_registry: LocalRegistry) -> None:
    found: Any = open_repository(local_registry).referrers(Digest.of(b"nothing"))
    assert tuple(found) == ()


@pytest.mark.parametrize("filters", [True, False], ids=["which filters", "which does not"])
def test_a_type_is_asked_of_a_registry(*, filters: bool) -> None:
    with LocalRegistry(filters_referrers=filters, page_size=1) as local:
        repository = open_repository(local)
        subject = push(repository)
        wanted = [
            push(repository, None, subject=subject, artifact_type="text/a", annotations={"n": n})
            for n in "12"
        ]
        push(repository, None, subject=subject, artifact_type="text/b")
        local.clear_requests()
        found = repository.referrers(subject.digest, artifact_type="text/a")
        assert {d.digest for d in found} == {d.digest for d in wanted}
        asked = [r.query.get("artifactType") for r in local.requests]
        assert asked == ["text/a"] * (2 if filters else 3)


def test_that_it_filtered_is_believed_only_where_it_says_so(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry)
    subject = push(repository)
    push(repository, None, subject=subject, artifact_type="text/b")
    local_registry.set_header("/referrers/", "OCI-Filters-Applied", "annotations")
    assert not repository.referrers(subject.digest, artifact_type="text/a").descriptors
