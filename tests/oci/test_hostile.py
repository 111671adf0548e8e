"""The hostile family: attacks that registries, clients and proxies have met, by their numbers.

Each number is one kind of attack with its published cases; the client refuses it with the error
named, which says whether the answer is "no" or "could not tell". What is beneath the protocol, or
above it, is tested where it belongs: see `ELSEWHERE`.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, push

import provenance as pv
from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    Forbidden,
    InvalidDigest,
    LimitExceeded,
    MalformedDocument,
    NoMatchingEvidence,
    NotEvaluated,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.oci.auth import Authenticator
from provenance.oci.credentials import find_credential
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import OCI_INDEX, OCI_MANIFEST
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.oci.repository import digest_tag, read_blob
from provenance.settings import Limits, Settings
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing import LocalSigstore

TESTS = Path(__file__).parent.parent
SECRET = "s3cret"
ELSEWHERE = {
    "12: hard links out of the root (CVE-2026-50163)": (
        "image/test_tar.py",
        "test_a_hard_link_out_of_the_root_is_refused",
    ),
    "12: names out of the root (GHSA-8xwf-rjm4-xvhv)": (
        "image/test_tar.py",
        "test_that_lead_out_of_the_root_are_refused",
    ),
    "12: symbolic links in a circle (CVE-2026-85731)": (
        "image/test_tree.py",
        "test_a_loop_is_a_typed_error_and_no_match",
    ),
    "12: caps on entries, bytes and ratio": ("image/test_layers.py", "test_limits"),
    "15: an entry of the log for something else (CVE-2026-22703)": (
        "verification/test_verifier.py",
        "test_a_log_entry_of_another_bundle_is_refused",
    ),
    "15: another predicate type passes (CVE-2022-35929)": (
        "verification/test_verifier.py",
        "test_an_attestation_is_no_signature",
    ),
    "15: a signature after the end of its certificate (CVE-2026-24122)": (
        "verification/test_verifier.py",
        "test_a_signature_outside_the_life_of_its_certificate_is_refused",
    ),
    "15: a payload that is none is fine (CVE-2026-39395)": (
        "verification/test_verifier.py",
        "test_a_signed_payload_that_is_no_statement_is_refused",
    ),
    "15: an entry that promises another payload (CVE-2022-36056)": (
        "verification/test_log_proof.py",
        "test_an_entry_for_another_payload_is_refused",
    ),
}


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_what_is_tested_elsewhere_is_there(attack: str) -> None:
    path, name = ELSEWHERE[attack]
    assert re.search(rf"^ *def {name}\(", (TESTS / path).read_text("utf-8"), re.MULTILINE)


def encrypted(local: LocalRegistry, folder: Path) -> Settings:
    """Settings by which a registry on loopback is spoken to as any other: by HTTPS."""
    bundle = folder / "ca.pem"
    bundle.write_bytes(local.ca_pem)
    return Settings(retries=0, timeout=5, ca_bundle=bundle, encrypted=(local.host,))


def secrets_sent(local: LocalRegistry) -> list[str]:
    return [r.headers["Authorization"] for r in local.requests if "Authorization" in r.headers]


# 1: the token service


def test_01_a_login_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    """GHSA-9m43-p3cx-w8j5: an encrypted registry names a token service that is not."""
    with LocalRegistry() as thief:
        realm = f"{thief.url}/token"
        with LocalRegistry(
            tls=True, auth="bearer", username="u", password=SECRET, realm=realm
        ) as local:
            repository = open_repository(
                local, settings=encrypted(local, tmp_path), credentials={local.host: ("u", SECRET)}
            )
            with pytest.raises(Unauthorized, match="not encrypted"):
                repository.resolve("1")
        assert thief.requests == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_01_a_public_name_that_points_inside(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """CVE-2026-48978, go-containerregistry #2440: the name is public, its address is not."""

    def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    challenge = 'Bearer realm="https://auth.example.com/token",service="r"'
    with Client(QUICK) as client:
        authenticator = Authenticator(client, {"8.8.8.8": ("u", SECRET)})
        with pytest.raises(Unauthorized, match="private network") as refused:
            authenticator.answer(
                Reference.parse("8.8.8.8/org/app:1"), "pull", challenge, "https://8.8.8.8", None
            )
    assert SECRET not in str(refused.value)


def test_01_a_login_that_is_redirected() -> None:
    """go-containerregistry #2291: the token service is honest, and sends the login on."""
    with (
        LocalRegistry() as thief,
        LocalRegistry(auth="bearer", username="u", password=SECRET) as local,
    ):
        local.redirect("/token", f"{thief.url}/token")
        with pytest.raises(RegistryUnavailable, match="answered 307"):
            open_repository(local, credentials={local.host: ("u", SECRET)}).resolve("1")
        assert thief.requests == []


def test_01_a_token_without_an_end() -> None:
    """go-containerregistry #2193: what a token service says is read without a limit."""
    with LocalRegistry(auth="bearer", username="u", password=SECRET) as local:
        endless = json.dumps({"token": "x" * (1 << 20)}).encode()
        local.fail("/token", 200, headers={"Content-Type": "application/json"}, body=endless)
        with pytest.raises(LimitExceeded, match="65536 bytes"):
            open_repository(local, credentials={local.host: ("u", SECRET)}).resolve("1")


# 2: where an upload goes on


def test_02_an_upload_to_another_origin_has_no_login() -> None:
    """CVE-2026-50151, GHSA-vh4v-2xq2-g5cg: the same host by another port is another one."""
    with (
        LocalRegistry() as thief,
        LocalRegistry(auth="bearer", username="u", password=SECRET) as local,
    ):
        local.set_header("/blobs/uploads/", "Location", f"{thief.url}/v2/org/app/blobs/uploads/x")
        repository = open_repository(local, credentials={local.host: ("u", SECRET)})
        with pytest.raises(ProvenanceError, match="upload"):
            repository.push_blob(b"content", BLOB)
        assert thief.requests
        assert secrets_sent(thief) == []


def test_02_an_upload_that_leaves_encryption(tmp_path: Path) -> None:
    """go-containerregistry #2295: the content itself would travel in the clear."""
    with LocalRegistry() as thief, LocalRegistry(tls=True) as local:
        local.set_header("/blobs/uploads/", "Location", f"{thief.url}/v2/org/app/blobs/uploads/x")
        repository = open_repository(local, settings=encrypted(local, tmp_path))
        with pytest.raises(RegistryUnavailable, match="from https to"):
            repository.push_blob(b"content", BLOB)
        assert thief.requests == []


# 3: where a list goes on


@pytest.mark.parametrize("listing", ["referrers", "tags"])
def test_03_a_next_page_at_another_host(local_registry: LocalRegistry, listing: str) -> None:
    """CVE-2026-85732, go-containerregistry #2332: another host would answer for this one."""
    with LocalRegistry() as thief:
        repository = open_repository(local_registry)
        pushed = push(repository)
        local_registry.set_header("/(referrers|tags)/", "Link", f'<{thief.url}/x>; rel="next"')
        with pytest.raises(RegistryUnavailable, match="another host must not answer"):
            _ = repository.tags() if listing == "tags" else repository.referrers(pushed.digest)
        assert thief.requests == []


# 4: without an end


def test_04_a_manifest_without_an_end(local_registry: LocalRegistry) -> None:
    """CVE-2023-46737: memory for whatever a registry sends."""
    repository = open_repository(local_registry)
    push(repository)
    local_registry.fail(
        "/manifests/1$", 200, headers={"Content-Type": OCI_MANIFEST}, body=b" " * (5 << 20)
    )
    with pytest.raises(LimitExceeded, match="manifest"):
        repository.manifest("1")


def test_04_a_refusal_without_an_end(local_registry: LocalRegistry) -> None:
    """GHSA-95pr-fxf5-86gv: the text of an error is read whole."""
    body = json.dumps({"errors": [{"code": "DENIED", "message": "x" * (1 << 20)}]}).encode()
    local_registry.fail("/manifests/", 403, body=body)
    with pytest.raises(Forbidden) as refused:
        open_repository(local_registry).manifest("1")
    assert len(str(refused.value)) < 1000


def test_04_a_blob_that_goes_on_after_its_end(local_registry: LocalRegistry) -> None:
    """CVE-2024-29903: more bytes than the descriptor has are neither kept nor read to their end."""
    repository = open_repository(local_registry)
    push(repository)
    local_registry.tamper(BLOB.digest, lambda data: data + bytes(8 << 20))
    with pytest.raises(ContentMismatch, match="bytes"):
        read_blob(repository, BLOB, limit=1 << 20)


def test_04_pages_without_an_end(local_registry: LocalRegistry) -> None:
    """oras-go #1215: each page names a new next one."""
    repository = open_repository(local_registry, limits=Limits(pages=5))
    pushed = push(repository)
    turn = iter(range(1000))

    def more(request: Any, response: Any) -> None:
        response.headers["Link"] = f'<{request.path}?page={next(turn)}>; rel="next"'

    local_registry.alter("/referrers/", more)
    with pytest.raises(LimitExceeded, match="more than 5 pages"):
        repository.referrers(pushed.digest)


def test_04_pages_in_a_ring(local_registry: LocalRegistry) -> None:
    """oras-go #1215: the next page is one that was read."""
    repository = open_repository(local_registry)
    pushed = push(repository)
    ring = f"/v2/org/app/referrers/{pushed.digest}"
    local_registry.set_header("/referrers/", "Link", f'<{ring}>; rel="next"')
    with pytest.raises(RegistryUnavailable, match="lead back"):
        repository.referrers(pushed.digest)


@pytest.mark.parametrize("walk", ["tree", "copy"])
def test_04_referrers_in_a_ring(local_registry: LocalRegistry, walk: str) -> None:
    """CVE-2026-55588: a list claims that an image refers to its own referrer. A walk ends."""
    repository = open_repository(local_registry)
    image = push(repository)
    referrer = push(repository, None, subject=image, artifact_type="text/x")
    claimed = Index.build([image, referrer])
    local_registry.fail("/referrers/", 200, headers={"Content-Type": OCI_INDEX}, body=claimed.raw)
    place = local_registry.reference("org/app:1")
    if walk == "tree":
        (node,) = pv.tree(place)
        assert node.children == ()
    else:
        copied = pv.copy(place, local_registry.reference("org/copy:1"), referrers=True)
        assert copied.digest == image.digest
        assert set(local_registry.manifests["org/copy"]) == {image.digest, referrer.digest}


# 5: lists that end early


Break = Callable[[LocalRegistry], object]
CUT: dict[str, tuple[Break, type[ProvenanceError]]] = {
    "the second page is not there": (
        lambda r: r.fail("/(referrers|tags)/", 404, skip=1),
        RegistryUnavailable,
    ),
    "the second page is forbidden": (
        lambda r: r.fail("/(referrers|tags)/", 403, skip=1),
        Forbidden,
    ),
    "the second page is throttled": (
        lambda r: r.fail("/(referrers|tags)/", 429, skip=1),
        RateLimited,
    ),
    "the second page is broken": (
        lambda r: r.fail("/(referrers|tags)/", 500, skip=1),
        RegistryUnavailable,
    ),
    "the connection breaks in the second page": (
        lambda r: r.cut("/(referrers|tags)/", 20, skip=1),
        RegistryUnavailable,
    ),
    "the link cannot be read": (
        lambda r: r.set_header("/(referrers|tags)/", "Link", "<no end"),
        RegistryUnavailable,
    ),
}
CUT_DOCUMENTS: dict[str, Break] = {
    "the second page is cut": lambda r: r.cut_page("/(referrers|tags)/", 20, skip=1),
    "the second page is empty": lambda r: r.cut_page("/(referrers|tags)/", 0, skip=1),
    "the second page is a web page": lambda r: r.html("/(referrers|tags)/", skip=1),
}


@pytest.fixture
def paged() -> Iterator[LocalRegistry]:
    """A registry with an image, three referrers and three tags, one a page."""
    with LocalRegistry(page_size=1) as local:
        repository = open_repository(local)
        image = push(repository)
        for number in range(3):
            push(repository, None, subject=image, annotations={"n": str(number)})
            push(repository, f"tag-{number}")
        assert len(repository.referrers(image.digest)) == 3
        assert len(repository.tags()) == 4
        yield local


def listing(local: LocalRegistry, kind: str) -> object:
    repository = open_repository(local)
    image = repository.resolve("1")
    return repository.tags() if kind == "tags" else repository.referrers(image.digest)


@pytest.mark.parametrize("kind", ["referrers", "tags"])
@pytest.mark.parametrize("how", CUT)
def test_05_a_list_that_ends_early_is_no_list(paged: LocalRegistry, how: str, kind: str) -> None:
    """OPA provider #196: who reads the first page alone calls a signed image unsigned."""
    breaks, expected = CUT[how]
    breaks(paged)
    with pytest.raises(expected):
        listing(paged, kind)


@pytest.mark.parametrize("kind", ["referrers", "tags"])
@pytest.mark.parametrize("how", CUT_DOCUMENTS)
def test_05_a_page_that_is_cut_is_no_page(paged: LocalRegistry, how: str, kind: str) -> None:
    """OPA provider #196: nothing of it is taken for what it says."""
    CUT_DOCUMENTS[how](paged)
    with pytest.raises(MalformedDocument if kind == "tags" else RegistryUnavailable):
        listing(paged, kind)


def test_05_a_copy_does_not_lose_signatures_by_a_list_that_ends_early(paged: LocalRegistry) -> None:
    """OPA provider #196: digest tags are found in the list of tags."""
    digest = paged.tags["org/app"]["1"]
    paged.tags["org/app"][f"{digest_tag(Digest(digest))}.sig"] = paged.tags["org/app"]["tag-0"]
    paged.fail("/tags/", 404, skip=1)
    with pytest.raises(RegistryUnavailable):
        pv.copy(paged.reference("org/app:1"), paged.reference("org/copy:1"), referrers=True)


# 6: a failure is no "no"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_06_a_lookup_that_failed_is_not_unsigned(
    local_registry: LocalRegistry, local_sigstore: LocalSigstore, status: int
) -> None:
    """cosign v3 reads a throttled list as "no signatures"; a fleet signed anew (retagger #1237)."""
    place = local_registry.reference("app:1.0")
    ImageBuilder().layer({"etc/motd": b"x"}).push(place)
    who = pv.Identity("release@example.com", issuer=local_sigstore.issuer)
    with pytest.raises(NoMatchingEvidence):
        pv.verify(place, who, trust=local_sigstore.trust)
    local_registry.fail("/referrers/", status)
    with Registry(settings=QUICK) as registry, pytest.raises(ProvenanceError) as told:
        pv.verify(place, who, trust=local_sigstore.trust, registry=registry)
    kinds = {401: Unauthorized, 403: Forbidden, 429: RateLimited}
    assert type(told.value) is kinds.get(status, RegistryUnavailable)


# 7: vague types


@pytest.mark.parametrize("vague", ["", "application/vnd.oci.empty.v1+json", "text/config"])
def test_07_a_vague_type_in_a_fallback_index_is_looked_through(vague: str) -> None:
    """cosign #4641: entries of cosign 3 have the type of the empty config, or none."""
    with LocalRegistry(referrers_api=False) as local:
        repository = open_repository(local)
        image = push(repository)
        signed = push(repository, None, subject=image, artifact_type="text/signature")
        told = {"artifactType": vague} if vague else {}
        entry = {"mediaType": OCI_MANIFEST, "digest": signed.digest, "size": signed.size, **told}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        local.put_manifest(
            "org/app",
            json.dumps(index).encode(),
            media_type=OCI_INDEX,
            tag=digest_tag(image.digest),
        )
        found = repository.referrers(image.digest, artifact_type="text/signature")
        expected = [] if vague == "text/config" else [signed.digest]
        assert [d.digest for d in found] == expected


# 8: a digest that was asked for


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_08_a_manifest_that_is_another(local_registry: LocalRegistry, algorithm: str) -> None:
    """GHSA-qv35-3gw6-8q4j: what comes by digest is not checked against it."""
    repository = open_repository(local_registry)
    push(repository)
    raw = repository.manifest("1").raw
    digest = Digest.of(raw, algorithm)
    local_registry.put_manifest("org/app", raw + b" ", digest=digest)
    with pytest.raises(ContentMismatch):
        repository.manifest(digest)


def test_08_a_blob_that_is_another(local_registry: LocalRegistry) -> None:
    """oras-py #247: a blob that was changed on the registry's disk is pulled without a word."""
    repository = open_repository(local_registry)
    push(repository)
    local_registry.tamper(BLOB.digest, lambda data: data[::-1])
    with pytest.raises(ContentMismatch):
        read_blob(repository, BLOB, limit=100)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_08_a_header_is_not_believed(local_registry: LocalRegistry, method: str) -> None:
    """The digest of a header is a pin: what is read later must have it."""
    repository = open_repository(local_registry)
    push(repository)
    wrong = Digest.of(b"another")
    local_registry.set_header("/manifests/", "Docker-Content-Digest", wrong, method=method)
    if method == "HEAD":
        pinned = repository.resolve("1")
        assert pinned.digest == wrong
        with pytest.raises(pv.NotFound):
            repository.manifest(pinned)
    else:
        manifest = repository.manifest("1")
        assert manifest.descriptor.digest == Digest.of(manifest.raw)


def test_08_schema_1_is_refused(local_registry: LocalRegistry) -> None:
    """go-containerregistry #1885: what has no digest of its own was exempt from the check."""
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    raw = b'{"schemaVersion": 1, "name": "org/app", "tag": "1", "fsLayers": [], "history": []}'
    local_registry.fail("/manifests/", 200, headers={"Content-Type": kind}, body=raw)
    with pytest.raises(UnsupportedFormat, match="schema"):
        open_repository(local_registry).manifest("1")


# 9: what is no digest


BROKEN = [
    "sha256:../../../../etc/passwd",
    f"sha256:{'a' * 63}",
    f"sha256:{'A' * 64}",
    f"sha256:{'a' * 64}/../x",
    f"sha256:{'a' * 64}\n",
    f"sha256:{'٣' * 64}",
    f"sha1:{'a' * 40}",
    f"md5:{'a' * 32}",
    ":",
    "sha256:",
]


@pytest.mark.parametrize("text", BROKEN)
def test_09_no_url_is_made_of_what_is_no_digest(local_registry: LocalRegistry, text: str) -> None:
    """CVE-2024-3727, ollama #17178: a digest that is a path."""
    repository = open_repository(local_registry)
    for call in (repository.resolve, repository.manifest, repository.delete):
        with pytest.raises(InvalidDigest):
            call(text)
    assert local_registry.requests == []


@pytest.mark.parametrize("text", BROKEN)
def test_09_no_url_is_made_of_what_a_manifest_calls_a_digest(
    local_registry: LocalRegistry, text: str
) -> None:
    """CVE-2024-3727: the digest of a layer is the attacker's."""
    repository = open_repository(local_registry)
    layer = {"mediaType": "text/plain", "digest": text, "size": 1}
    raw = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": layer, "layers": [layer]}
    local_registry.put_manifest("org/app", json.dumps(raw).encode(), tag="1")
    with pytest.raises(MalformedDocument, match="digest"):
        repository.manifest("1")


# 10: a manifest that is two things


IMAGE: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": {"mediaType": "text/plain", "digest": Digest.of(b"{}"), "size": 2},
    "layers": [],
}
DOUBLE = json.dumps({**IMAGE, "manifests": []})
AMBIGUOUS = {
    "an image under the type of an index": (json.dumps(IMAGE), OCI_INDEX),
    "layers and manifests in one": (DOUBLE, OCI_MANIFEST),
    "layers and manifests in one, as an index": (
        DOUBLE.replace(OCI_MANIFEST, OCI_INDEX),
        OCI_INDEX,
    ),
    "a key twice": (json.dumps(IMAGE)[:-1] + ', "layers": []}', OCI_MANIFEST),
    "a key twice, once with an escape": (
        json.dumps(IMAGE)[:-1] + r', "l\u0061yers": []}',
        OCI_MANIFEST,
    ),
}


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_10_a_manifest_that_two_readers_read_differently(
    local_registry: LocalRegistry, how: str
) -> None:
    """CVE-2021-41190, GHSA-5j5w-g665-5m35: one digest, two images."""
    text, media_type = AMBIGUOUS[how]
    local_registry.put_manifest("org/app", text.encode(), media_type=media_type, tag="1")
    with pytest.raises(MalformedDocument):
        open_repository(local_registry).manifest("1")


# Go's parser, and so each runtime, goes by the letters of a field, whatever their case (the long s
# is an s, the Kelvin sign a k), and takes the last one. skopeo: `tests/peers`.
SPELLED = {
    "layers as Layers, too": {**IMAGE, "Layers": []},
    "layers as LAYERS alone": {"LAYERS" if k == "layers" else k: v for k, v in IMAGE.items()},
    "layers with a long s": {**IMAGE, "layer\u017f": []},
    "config as Config": {**IMAGE, "Config": IMAGE["config"]},
    "subject as Subject": {**IMAGE, "Subject": IMAGE["config"]},
    "a digest as Digest": {**IMAGE, "config": {**IMAGE["config"], "Digest": "sha256:" + "0" * 64}},
    "a size as Size": {**IMAGE, "config": {**IMAGE["config"], "Size": 1}},
    "a platform's os as OS": {
        **IMAGE,
        "config": {**IMAGE["config"], "platform": {"os": "linux", "architecture": "x", "OS": "y"}},
    },
}


@pytest.mark.parametrize("how", SPELLED)
def test_10_a_field_in_another_spelling(local_registry: LocalRegistry, how: str) -> None:
    """The kin of CVE-2021-41190: one digest, and other layers than a runtime unpacks."""
    raw = json.dumps(SPELLED[how]).encode()
    local_registry.put_manifest("org/app", raw, media_type=OCI_MANIFEST, tag="1")
    with pytest.raises(MalformedDocument, match="which some readers take for"):
        open_repository(local_registry).manifest("1")


def test_10_names_of_ones_own_may_differ_in_case_alone(local_registry: LocalRegistry) -> None:
    said = {"a": "1", "A": "2"}
    raw = json.dumps({**IMAGE, "annotations": said, "more": 1, "More": 2}).encode()
    local_registry.put_manifest("org/app", raw, media_type=OCI_MANIFEST, tag="1")
    assert dict(open_repository(local_registry).manifest("1").annotations) == said


def test_10_the_descriptor_says_what_it_is(local_registry: LocalRegistry) -> None:
    """CVE-2021-41190: without `mediaType`, an answer's type must not change what was listed."""
    index = {"schemaVersion": 2, "manifests": []}
    raw = json.dumps(index).encode()
    digest = local_registry.put_manifest("org/app", raw, media_type=OCI_INDEX)
    claimed = Descriptor(OCI_MANIFEST, digest, len(raw))
    with pytest.raises(MalformedDocument):
        open_repository(local_registry).manifest(claimed)


# 11: content at another place


def test_11_foreign_urls_are_not_fetched(local_registry: LocalRegistry) -> None:
    """GHSA-qvqc-4c52-x6qp: a layer names where to fetch it, and credentials went there."""
    with LocalRegistry() as thief, LocalRegistry() as other:
        repository = open_repository(local_registry)
        push(repository)
        layer = json.loads(repository.manifest("1").raw)["layers"][0]
        layer["urls"] = [f"{thief.url}/layer"]
        layer["digest"], layer["size"] = Digest.of(b"elsewhere"), 9
        raw = json.dumps({**IMAGE, "layers": [layer]}).encode()
        local_registry.put_blob("org/app", b"{}")
        local_registry.put_manifest("org/app", raw, tag="foreign")
        manifest = repository.manifest("foreign")
        assert isinstance(manifest, Manifest)
        with pytest.raises(pv.NotFound):
            read_blob(repository, manifest.layers[0], limit=100)
        with Registry(settings=QUICK) as registry, pytest.raises(ProvenanceError):
            pv.copy(
                local_registry.reference("org/app:foreign"),
                other.reference("copy:1"),
                registry=registry,
            )
        assert thief.requests == []


# 13: whose credentials


def test_13_a_helper_that_fails_is_no_other_account(tmp_path: Path) -> None:
    """CVE-2021-41092: the helper is missing, so the login for one registry went to another."""
    config = {
        "credHelpers": {"ghcr.io": "broken"},
        "auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "ghcr.io": {"auth": "dTpw"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    helper = tmp_path / "docker-credential-broken"
    helper.write_text("#!/bin/sh\necho out of order >&2\nexit 7\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    with pytest.raises(NotEvaluated, match="docker-credential-broken"):
        find_credential("ghcr.io", environ=environ)


@pytest.mark.parametrize(
    "host", ["ghrc.io", "ghcr.io.evil.example", "evil.ghcr.io", "ghcr.io:444", "ghcr.i\u043e"]
)
def test_13_a_host_that_looks_like_another(tmp_path: Path, host: str) -> None:
    """ghrc.io asks for a login, as a registry would."""
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": "dTpw"}}}))
    environ = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    assert find_credential("ghcr.io", environ=environ) is not None
    assert find_credential(host, environ=environ) is None


# 14: beneath


def test_14_netrc_is_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local_registry: LocalRegistry
) -> None:
    """CVE-2024-47081: requests adds a login of its own, over the one that was given."""
    host = str(urlsplit(local_registry.url).hostname)
    (tmp_path / ".netrc").write_text(f"machine {host} login u password {SECRET}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    push(open_repository(local_registry))
    assert secrets_sent(local_registry) == []


def test_14_content_that_unpacks_itself(local_registry: LocalRegistry) -> None:
    """CVE-2025-66471, CVE-2026-21441: a bomb in Content-Encoding is never unpacked."""
    repository = open_repository(local_registry)
    push(repository)
    local_registry.tamper(BLOB.digest, lambda _: gzip.compress(bytes(64 << 20)))
    local_registry.set_header("/blobs/", "Content-Encoding", "gzip", method="GET")
    with pytest.raises(RegistryUnavailable, match="encoded"):
        read_blob(repository, BLOB, limit=1 << 30)
    assert all(r.headers["Accept-Encoding"] == "identity" for r in local_registry.requests)


def test_14_the_library_beneath_is_new_enough() -> None:
    """CVE-2026-44431, CVE-2026-44432: redirects of proxies, and bombs, before 2.7."""
    wanted = importlib.metadata.requires("oci-provenance") or []
    (urllib3,) = [line for line in wanted if line.startswith("urllib3")]
    floor = re.search(r">=\s*(\d+)\.(\d+)", urllib3)
    assert floor is not None
    assert (int(floor[1]), int(floor[2])) >= (2, 7)


def test_14_a_redirect_that_leaves_encryption(tmp_path: Path) -> None:
    """Redirects are followed by our code, and never from https to http."""
    with LocalRegistry() as thief, LocalRegistry(tls=True) as local:
        local.redirect("/blobs/", f"{thief.url}/x", method="GET")
        repository = open_repository(local, settings=encrypted(local, tmp_path))
        with pytest.raises(RegistryUnavailable, match="from https to"):
            read_blob(repository, BLOB, limit=100)
        assert thief.requests == []


def test_14_cookies_are_not_kept() -> None:
    """Who sends a registry's cookie back is a browser to it, which a page can misuse."""
    with LocalRegistry(profile="harbor29") as local:
        push(open_repository(local, credentials={local.host: local.account}))
        assert all("Cookie" not in r.headers for r in local.requests)


# 16: between two looks


def test_16_a_tag_that_moves_does_not_move_the_image(local_registry: LocalRegistry) -> None:
    """A tag is asked for once; from there on it is the digest."""
    place = local_registry.reference("app:1.0")
    first = ImageBuilder().layer({"etc/motd": b"first"}).push(place)
    image = pv.resolve(place)
    ImageBuilder().layer({"etc/motd": b"second"}).push(place)
    local_registry.clear_requests()
    assert image.digest == first.digest
    assert list(image.files("etc/motd")) == ["etc/motd"]
    assert all("/manifests/1.0" not in r.path for r in local_registry.requests)


@pytest.mark.parametrize("by", [-1, 1])
def test_16_a_descriptor_with_another_size(local_registry: LocalRegistry, by: int) -> None:
    """The size is part of what was signed: one more or one less byte is other content."""
    repository = open_repository(local_registry)
    pushed = push(repository)
    wrong = Descriptor(pushed.media_type, pushed.digest, pushed.size + by)
    with pytest.raises(ContentMismatch):
        repository.manifest(wrong)
    with pytest.raises(ContentMismatch):
        read_blob(repository, Descriptor("text/plain", BLOB.digest, BLOB.size + by), limit=100)


def test_16_a_referrer_of_something_else_proves_nothing(
    local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    """A list names the signature of another image, whose subject is that image."""
    signed, other = local_registry.reference("app:signed"), local_registry.reference("app:other")
    ImageBuilder().layer({"etc/motd": b"signed"}).push(signed)
    ImageBuilder().layer({"etc/motd": b"other"}).push(other)
    pv.sign(signed, local_sigstore.signer("release@example.com"))
    who = pv.Identity("release@example.com", issuer=local_sigstore.issuer)
    listed = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": local_registry.store.referrers("app", str(pv.resolve(signed).digest)),
        }
    ).encode()
    local_registry.fail("/referrers/", 200, headers={"Content-Type": OCI_INDEX}, body=listed)
    assert len(pv.verify(signed, who, trust=local_sigstore.trust).signatures) == 1
    with pytest.raises(NoMatchingEvidence, match="it is listed for this image but refers to"):
        pv.verify(other, who, trust=local_sigstore.trust)
