"""Profiles: each shows on the wire what it is named for, and the client lives with all of them."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.testing.wire import (
    CONFIG,
    INDEX,
    MANIFEST,
    Answer,
    ask,
    connect,
    descriptor,
    digest_of,
    manifest,
)

import provenance as pv
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.oci.repository import read_blob
from provenance.settings import Settings
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.registry import PROFILES, Behaviour, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing import LocalSigstore

NAMES = [profile.name for profile in PROFILES]
DATA = b"0123456789"
BLOB = f"/v2/app/blobs/{digest_of(DATA)}"
TAG = "/v2/app/manifests/1.0"
SUBJECT = digest_of(manifest())
REFERRERS = f"/v2/app/referrers/{SUBJECT}"


def filled(registry: LocalRegistry) -> LocalRegistry:
    registry.put_blob("app", DATA)
    registry.put_blob("app", b"{}")
    registry.put_manifest("app", manifest(), tag="1.0")
    return registry


def challenge(answer: Answer) -> str:
    assert answer.status == 401
    return str(answer.headers["WWW-Authenticate"])


def basic(registry: LocalRegistry) -> dict[str, str]:
    return {
        "Authorization": "Basic " + base64.b64encode(":".join(registry.account).encode()).decode()
    }


def login(registry: LocalRegistry, scope: str = "repository:app:pull,push") -> dict[str, str]:
    """What opens the door of a profile."""
    door = registry.auth.door
    if door.kind != "bearer":
        return basic(registry) if door.kind == "basic" else {}
    query = f"{door.token_path}?service={door.service}&scope={scope}"
    answer = ask(registry, "GET", query, headers=basic(registry))
    return {"Authorization": f"Bearer {answer.json[door.token_names[0]]}"}


def listed(registry: LocalRegistry, headers: Mapping[str, str] | None = None) -> Answer:
    return ask(registry, "GET", REFERRERS, headers={**login(registry), **(headers or {})})


def elsewhere(registry: LocalRegistry, location: str, **headers: str) -> Answer:
    """What the other host says."""
    parts = urlsplit(location)
    assert parts.netloc != registry.host
    with closing(connect(registry, parts.netloc)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


class TestOnTheWire:
    @pytest.mark.parametrize(
        ("name", "status", "kind"),
        [
            ("ghcr", 404, "text/plain"),
            ("ghcr-redirecting", 303, "text/plain"),
            ("artifactory", 406, "application/json"),
            ("harbor27", 401, "application/json"),
            ("gcr", 307, "text/html"),
            ("gitlab", 404, "text/plain"),
            ("nexus", 404, "text/plain"),
            ("distribution28", 404, "text/plain"),
            ("dockerhub", 200, INDEX),
            ("acr", 200, INDEX),
            ("harbor29", 200, "application/json"),
            ("gar", 200, INDEX),
            ("quay", 200, INDEX),
            ("ecr", 200, INDEX),
            ("zot", 200, INDEX),
        ],
    )
    def test_what_is_said_of_referrers(self, name: str, status: int, kind: str) -> None:
        with filled(LocalRegistry(profile=name)) as registry:
            answer = listed(registry)
            assert (answer.status, answer.headers.get_content_type()) == (status, kind)
            assert "WWW-Authenticate" not in answer.headers

    def test_each_has_its_line_above(self) -> None:
        (mark,) = self.test_what_is_said_of_referrers.pytestmark  # type: ignore[attr-defined]
        assert sorted(row[0] for row in mark.args[1]) == sorted(NAMES)

    @pytest.mark.parametrize(("name", "status"), [("ghcr-redirecting", 429), ("gcr", 200)])
    def test_a_list_leads_to_a_web_page_at_another_host(self, name: str, status: int) -> None:
        with filled(LocalRegistry(profile=name)) as registry:
            location = listed(registry).headers["Location"]
            page = elsewhere(registry, location)
            assert (page.status, page.headers.get_content_type()) == (status, "text/html")
            assert [r.path for r in registry.requests_elsewhere] == [urlsplit(location).path]

    @pytest.mark.parametrize("name", ["ghcr", "dockerhub", "acr"])
    @pytest.mark.parametrize("tls", [False, True])
    def test_blobs_are_at_another_host_that_wants_no_login(self, name: str, *, tls: bool) -> None:
        with filled(LocalRegistry(profile=name, tls=tls)) as registry:
            assert ask(registry, "HEAD", BLOB, headers=login(registry)).status == 200
            answer = ask(registry, "GET", BLOB, headers=login(registry))
            assert answer.status == 307
            there = elsewhere(registry, answer.headers["Location"], Range="bytes=2-3")
            assert (there.status, there.body) == (206, b"23")
            refused = elsewhere(registry, answer.headers["Location"], Authorization="Bearer x")
            assert refused.status == 400

    @pytest.mark.parametrize(
        ("name", "path", "said"),
        [
            ("ghcr", "/token", 'service="ghcr.io",scope="repository:app:pull"'),
            ("gar", "/v2/token", 'scope="repository:app:pull"'),
            ("artifactory", "/v2/token", 'service="artifactory"'),
            ("harbor29", "/service/token", 'service="harbor-registry"'),
            ("gitlab", "/jwt/auth", 'service="container_registry"'),
        ],
    )
    def test_a_bearer_challenge(self, name: str, path: str, said: str) -> None:
        with filled(LocalRegistry(profile=name)) as registry:
            head = ask(registry, "HEAD", TAG)
            assert challenge(head).startswith(f'Bearer realm="{registry.url}{path}",{said}')
            assert ("scope=" in challenge(head)) == (name != "artifactory")
            assert ("service=" in challenge(head)) == (name != "gar")

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("nexus", 'BASIC realm="Sonatype Nexus Repository Manager"'),
            ("ecr", 'Basic realm="https://ecr.amazonaws.com/",service="ecr"'),
        ],
    )
    def test_a_basic_challenge(self, name: str, said: str) -> None:
        with filled(LocalRegistry(profile=name)) as registry:
            assert challenge(ask(registry, "GET", TAG)) == said

    def test_azure_has_access_tokens_alone(self) -> None:
        with LocalRegistry(profile="acr") as registry:
            answer = ask(registry, "GET", "/oauth2/token", headers=basic(registry))
            assert "access_token" in answer.json
            assert "token" not in answer.json

    def test_azure_lists_a_referrer_a_moment_later(self) -> None:
        with filled(LocalRegistry(profile="acr")) as registry:
            subject = {**descriptor(manifest(), MANIFEST)}
            headers = {**login(registry), "Content-Type": MANIFEST}
            path = "/v2/app/manifests/signature"
            body = manifest(subject=subject)
            assert ask(registry, "PUT", path, headers=headers, body=body).status == 201
            assert [len(listed(registry).json["manifests"]) for _ in range(3)] == [0, 1, 1]

    def test_azure_answers_a_thousand_lists(self) -> None:
        with filled(LocalRegistry(profile="acr")) as registry:
            (rate,) = registry.faults
            assert (rate.skip, rate.times) == (1000, None)
            rate.skip = 2
            statuses = [listed(registry).status for _ in range(4)]
            assert statuses == [200, 200, 429, 429]
            answer = listed(registry)
            assert (answer.code, answer.headers["Retry-After"]) == ("TOOMANYREQUESTS", "60")
            registry.clear_faults()
            assert listed(registry).status == 200

    def test_docker_hub_counts_gets_of_manifests(self) -> None:
        with filled(LocalRegistry(profile="dockerhub")) as registry:
            headers = login(registry)
            for _ in range(150):
                assert ask(registry, "HEAD", TAG, headers=headers).status == 200
            statuses = [ask(registry, "GET", TAG, headers=headers).status for _ in range(101)]
            assert statuses == [200] * 100 + [429]

    def test_gitlab_wants_the_service_in_the_query(self) -> None:
        with LocalRegistry(profile="gitlab") as registry:
            for query, status in (("", 400), ("?service=container_registry", 200)):
                answer = ask(registry, "GET", f"/jwt/auth{query}", headers=basic(registry))
                assert answer.status == status

    def test_harbor_takes_who_returns_a_cookie_for_a_browser(self) -> None:
        with filled(LocalRegistry(profile="harbor29")) as registry:
            first = ask(registry, "GET", TAG, headers=login(registry))
            assert (first.status, first.headers["Set-Cookie"]) == (200, "sid=1; Path=/")
            cookie = {**login(registry), "Cookie": "sid=1"}
            answer = ask(registry, "POST", "/v2/app/blobs/uploads/", headers=cookie)
            assert (answer.status, answer.code) == (403, "DENIED")
            assert "CSRF" in answer.body.decode()

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            (MANIFEST, MANIFEST),
            (CONFIG, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ],
    )
    def test_quay_has_schema_1_for_those_who_accept_nothing_else(
        self, accept: str, kind: str
    ) -> None:
        with filled(LocalRegistry(profile="quay")) as registry:
            answer = ask(registry, "GET", TAG, headers={**login(registry), "Accept": accept})
            assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
            assert answer.headers["Docker-Content-Digest"] == digest_of(answer.body)

    def test_amazon_has_the_repositories_that_were_made(self) -> None:
        with filled(LocalRegistry(profile="ecr")) as registry:
            for name, status in (("app", 202), ("new", 404)):
                path = f"/v2/{name}/blobs/uploads/"
                assert ask(registry, "POST", path, headers=basic(registry)).status == status
            for n, status in ((1000, 200), (1001, 400)):
                path = f"/v2/app/tags/list?n={n}"
                assert ask(registry, "GET", path, headers=basic(registry)).status == status

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("PUT", f"/v2/app/manifests/{digest_of(manifest(), 'sha512')}", manifest(), 400),
            ("PUT", "/v2/app/manifests/large", b" " * (5 << 20) + manifest(), 400),
            ("DELETE", TAG, None, 400),
            ("POST", f"/v2/app/blobs/uploads/?digest={digest_of(b'x')}", b"x", 202),
            ("DELETE", f"/v2/app/manifests/{digest_of(manifest())}", None, 202),
        ],
        ids=["by sha512", "5 MiB", "delete a tag", "one POST", "delete a manifest"],
    )
    def test_distribution_2_8(
        self, method: str, path: str, body: bytes | None, status: int
    ) -> None:
        with filled(LocalRegistry(profile="distribution28")) as registry:
            headers = {"Content-Type": MANIFEST}
            assert ask(registry, method, path, headers=headers, body=body).status == status

    def test_zot_has_an_empty_list_for_a_repository_that_is_not_there(self) -> None:
        with LocalRegistry(profile="zot") as registry:
            answer = ask(registry, "GET", REFERRERS, headers=basic(registry))
            assert (answer.status, answer.json["manifests"]) == (200, [])


# What the client does is the same everywhere

CONTENT = Descriptor.of(DATA, "text/plain")


# Harbor 2.7 answers 401 where it has no referrers API: see the test of its own.
TOLD_APART = [name for name in NAMES if name != "harbor27"]


def client(registry: LocalRegistry) -> tuple[Registry, RegistryRepository]:
    session = Registry(
        settings=Settings(retries=0, timeout=5), credentials={registry.host: registry.account}
    )
    return session, session.repository(Reference.parse(registry.reference("org/app:1.0")))


@pytest.mark.parametrize("name", TOLD_APART)
def test_push_pull_refer_list_and_delete(name: str) -> None:
    with LocalRegistry(profile=name) as registry:
        registry.put_blob("org/app", b"made beforehand")
        session, repository = client(registry)
        with session:
            repository.push_blob(DATA, CONTENT)
            repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
            image = repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [CONTENT]), tag="1.0")
            assert repository.resolve("1.0") == image
            assert repository.manifest("1.0").descriptor == image
            assert read_blob(repository, CONTENT, limit=100) == DATA
            assert repository.tags() == ("1.0",)
            signature = repository.push_manifest(
                Manifest.build(
                    EMPTY_DESCRIPTOR, [CONTENT], subject=image, artifact_type="text/signature"
                )
            )
            if name == "acr":  # which has it a moment later
                assert len(repository.referrers(image.digest)) == 0
            found = repository.referrers(image.digest)
            assert [d.digest for d in found] == [signature.digest]
            repository.delete(signature.digest)
            assert len(repository.referrers(image.digest)) == 0
            with pytest.raises(pv.NotFound):
                repository.resolve("absent")
        assert all("Cookie" not in r.headers for r in registry.requests)
        assert all("Authorization" not in r.headers for r in registry.requests_elsewhere)


@pytest.mark.parametrize("name", TOLD_APART)
def test_sign_copy_there_and_back_and_verify(name: str, local_sigstore: LocalSigstore) -> None:
    who = pv.Identity("release@example.com", issuer=local_sigstore.issuer)
    built = ImageBuilder().layer({"etc/motd": b"hello"}).layer({"bin/sh": bytes(4096)}).build()
    with LocalRegistry(profile=name) as registry, LocalRegistry() as plain:
        registry.put_image("org/app:1.0", built)
        registry.put_blob("org/back", b"made beforehand")
        place, back = registry.reference("org/app:1.0"), registry.reference("org/back:1.0")
        there = plain.reference("copy:1.0")
        session, repository = client(registry)
        with session:
            pv.sign(place, local_sigstore.signer("release@example.com"), registry=session)
            repository.referrers(built.digest)  # a moment passes
            pv.copy(place, there, referrers=True, registry=session)
            pv.copy(there, back, referrers=True, registry=session)
            session.repository(Reference.parse(back)).referrers(built.digest)
            for copy in (place, there, back):
                verified = pv.verify(copy, who, trust=local_sigstore.trust, registry=session)
                assert verified.reference.digest == built.digest
                assert len(verified.signatures) == 1
                # Whether a web page stands for "no such API" or for a fault is not told.
                pages = [f for f in verified.failures if "is answered by" in str(f)]
                assert list(verified.failures) == pages
                assert verified.complete or name in {"gcr", "ghcr-redirecting"}


def test_a_refusal_to_list_counts_what_the_fallback_tag_holds_and_is_no_absence() -> None:
    with LocalRegistry(profile="harbor27") as registry:
        registry.put_blob("org/app", b"made beforehand")
        session, repository = client(registry)
        with session:
            repository.push_blob(DATA, CONTENT)
            repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
            image = repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [CONTENT]), tag="1.0")
            with pytest.raises(pv.Unauthorized, match="referrers of"):
                repository.referrers(image.digest)
            signature = repository.push_manifest(
                Manifest.build(EMPTY_DESCRIPTOR, [CONTENT], subject=image, artifact_type="text/s")
            )
            found = repository.referrers(image.digest)
            assert [d.digest for d in found] == [signature.digest]
            assert repository.learnt.referrers_api is None
            with pytest.raises(pv.Unauthorized, match="referrers of"):
                repository.referrers(signature.digest)


@pytest.mark.parametrize("name", ["ghcr-redirecting", "gcr"])
def test_a_web_page_elsewhere_is_not_asked_for_referrers(name: str) -> None:
    with filled(LocalRegistry(profile=name)) as registry:
        session, _ = client(registry)
        with session:
            app = session.repository(Reference.parse(registry.reference("app:1.0")))
            assert len(app.referrers(app.resolve("1.0").digest)) == 0
        assert registry.requests_elsewhere == []


# Of one's own


def test_a_profile_of_ones_own_and_what_is_said_beside_it() -> None:
    own = Profile("own", Behaviour(referrers_api=False, page_size=1))
    with filled(LocalRegistry(profile=own, referrers_api=True)) as registry:
        registry.put_manifest("app", manifest(), tag="2.0")
        assert ask(registry, "GET", REFERRERS).status == 200
        assert ask(registry, "GET", "/v2/app/tags/list").json["tags"] == ["1.0"]


def test_an_account_of_ones_own() -> None:
    with LocalRegistry(profile="nexus", username="u", password="p") as registry:
        assert registry.account == ("u", "p")
        assert ask(registry, "GET", "/v2/", headers=basic(registry)).status == 200


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"'ghrc'.*ghcr.*distribution28"):
        LocalRegistry(profile="ghrc")
