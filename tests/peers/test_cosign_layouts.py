"""Both layouts, keys and identities, every type of predicate: cosign verifies ours, and we its."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.attestation.predicate_types import COSIGN_TYPES
from provenance.oci.manifest import Index
from provenance.signing import Signer
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.conftest import RealRegistry, Run

    from provenance.evidence import Proof

pytestmark = pytest.mark.peer

WHO = "release@example.com"
HTTP = "--allow-http-registry"
APK = {"lib/apk/db/installed": b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n"}
SLSA = {
    "buildDefinition": {
        "buildType": "https://example.org/type/v1",
        "externalParameters": {"tag": "v1"},
    },
    "runDetails": {"builder": {"id": "https://example.org/builder"}},
}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "app",
    "documentNamespace": "https://example.org/app",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: none"]},
    "packages": [],
}
PREDICATES: dict[str, str] = {
    "custom": "any text\n",
    "cyclonedx": json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6"}),
    "link": json.dumps(
        {
            "_type": "link",
            "name": "build",
            "command": ["make"],
            "materials": {},
            "products": {},
            "byproducts": {},
            "environment": {},
        }
    ),
    "openvex": json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}),
    "slsaprovenance": json.dumps(
        {
            "builder": {"id": "https://example.org/builder"},
            "buildType": "https://example.org/type/v0",
        }
    ),
    "slsaprovenance02": json.dumps(
        {
            "builder": {"id": "https://example.org/builder"},
            "buildType": "https://example.org/type/v0",
        }
    ),
    "slsaprovenance1": json.dumps(SLSA),
    "spdx": "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n"
    "DocumentName: app\nDocumentNamespace: https://example.org/app\nCreator: Tool: none\n"
    "Created: 2026-01-01T00:00:00Z\n",
    "spdxjson": json.dumps(SPDX),
    "vuln": json.dumps(
        {
            "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
            "scanner": {
                "uri": "pkg:x",
                "version": "1",
                "db": {"uri": "", "version": ""},
                "result": None,
            },
            "metadata": {
                "scanStartedOn": "2026-01-01T00:00:00Z",
                "scanFinishedOn": "2026-01-01T00:00:01Z",
            },
        }
    ),
    "https://example.org/review/v1": json.dumps({"approved": True}),
}


@dataclass(frozen=True)
class Party:
    """One who signs: with cosign's options, and with ours."""

    sigstore: LocalSigstore
    folder: Path
    how: str

    @property
    def signer(self) -> Signer:
        if self.how == "keyless":
            return self.sigstore.signer(WHO)
        key = self.folder / "cosign.key"
        return Signer.from_key(key, password="", trust=self.sigstore.trust)

    def signing(self, layout: str = "bundle") -> tuple[str, ...]:
        """cosign's options to sign; of the legacy layout it takes no configuration."""
        config = self.sigstore.write_signing_config(self.folder / "signing.json")
        at: tuple[str, ...] = ("--signing-config", str(config), *self._root, HTTP, "--yes")
        if layout == "legacy":
            url = self.sigstore.url
            services = ("--rekor-url", url, "--fulcio-url", url, "--use-signing-config=false")
            at = (*services, "--new-bundle-format=false", *self._root, HTTP, "--yes")
        if self.how == "key":
            return (*at, "--key", str(self.folder / "cosign.key"))
        token = self.folder / "token"
        token.write_text(self.sigstore.token(WHO))
        return (*at, "--identity-token", str(token))

    @property
    def checking(self) -> tuple[str, ...]:
        """cosign's options to verify."""
        if self.how == "key":
            return (*self._root, HTTP, "--key", str(self.folder / "cosign.pub"))
        who = ("--certificate-identity", WHO, "--certificate-oidc-issuer", self.sigstore.issuer)
        return (*self._root, HTTP, *who)

    @property
    def _root(self) -> tuple[str, str]:
        return "--trusted-root", str(self.sigstore.write_trusted_root(self.folder / "root.json"))

    def verify(self, image: pv.Image, **more: Any) -> pv.Verified:
        by: dict[str, Any] = {"identity": pv.Identity(WHO, issuer=self.sigstore.issuer)}
        if self.how == "key":
            by = {"key": self.folder / "cosign.pub"}
        return pv.verify(image, **by, trust=self.sigstore.trust, **more)


@pytest.fixture(scope="module")
def sigstores() -> Iterator[dict[str, LocalSigstore]]:
    with LocalSigstore(rekor=("v1",)) as old, LocalSigstore(rekor=("v2",)) as new:
        yield {"v1": old, "v2": new}


@pytest.fixture(params=["keyless", "key"])
def how(request: pytest.FixtureRequest, tmp_path: Path, run: Run) -> str:
    if request.param == "key":
        run("cosign", "generate-key-pair", cwd=tmp_path)
    return str(request.param)


@pytest.fixture
def party(sigstores: dict[str, LocalSigstore], tmp_path: Path, how: str) -> Party:
    return Party(sigstores["v1"], tmp_path, how)


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer(APK).push(tag)
    return pv.resolve(tag)


@pytest.mark.parametrize("layout", ["bundle", "legacy", "both"])
def test_cosign_verifies_what_we_sign(image: pv.Image, party: Party, layout: Any, run: Run) -> None:
    pv.sign(image, party.signer, layout=layout, annotations={"build": "7", "by": "<us>"})
    done = run("cosign", "verify", *party.checking, "-o", "json", str(image.reference))
    assert str(image.digest) in done.stdout
    run("cosign", "verify", *party.checking, "-a", "build=7", "-a", "by=<us>", str(image.reference))
    wrong = ("verify", *party.checking, "-a", "build=8", str(image.reference))
    assert run("cosign", *wrong, check=False).returncode != 0


@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_cosign_verifies_what_we_attest(
    image: pv.Image, party: Party, layout: Any, run: Run
) -> None:
    """Several beside each other; each found by its type, and no other."""
    for word in ("slsaprovenance1", "https://example.org/review/v1"):
        said = PREDICATES[word].encode()
        pv.attest(image, said, party.signer, predicate_type=word, layout=layout)
    pv.attest(image, pv.generate_sbom(image), party.signer, layout=layout)
    for word in ("slsaprovenance1", "cyclonedx", "https://example.org/review/v1"):
        verify = ("verify-attestation", *party.checking, "--type", word, str(image.reference))
        assert run("cosign", *verify).stdout
    absent = ("verify-attestation", *party.checking, "--type", "vuln", str(image.reference))
    assert run("cosign", *absent, check=False).returncode != 0


def test_cosign_verifies_bundles_of_the_newer_log(
    image: pv.Image, sigstores: dict[str, LocalSigstore], tmp_path: Path, how: str, run: Run
) -> None:
    party = Party(sigstores["v2"], tmp_path, how)
    pv.sign(image, party.signer)
    run("cosign", "verify", *party.checking, str(image.reference))


@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_we_verify_what_cosign_signs(image: pv.Image, party: Party, layout: str, run: Run) -> None:
    place = str(image.reference)
    run("cosign", "sign", *party.signing(layout), "-a", "build=7", place)
    (proof,) = party.verify(image, annotations={"build": "7"}).signatures
    assert proof.identity == (WHO if party.how == "keyless" else party.signer.identity)
    with pytest.raises(pv.NoMatchingEvidence):
        party.verify(image, annotations={"build": "8"})


def test_we_verify_what_cosign_signs_by_the_newer_log(
    image: pv.Image, sigstores: dict[str, LocalSigstore], tmp_path: Path, how: str, run: Run
) -> None:
    party = Party(sigstores["v2"], tmp_path, how)
    run("cosign", "sign", *party.signing(), str(image.reference))
    assert party.verify(image).signatures


@pytest.mark.parametrize("how", ["key"], indirect=True)
@pytest.mark.parametrize(
    ("word", "layout"),
    # cosign 3.1.3 cannot sign a string predicate in a bundle, nor find those it wrote in a tag.
    [
        (w, o)
        for w in sorted(PREDICATES)
        for o in ("bundle", "legacy")
        if (w, o) != ("spdx", "bundle")
    ],
)
def test_every_type_is_written_as_cosign_writes_it(
    image: pv.Image, party: Party, layout: Any, word: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "predicate"
    path.write_text(PREDICATES[word])
    options = (*party.signing(layout), "--type", word, "--predicate", str(path))
    run("cosign", "attest", *options, str(image.reference))
    verify = ("verify-attestation", *party.checking, "--type", word, str(image.reference))
    readable = run("cosign", *verify, check=False).returncode == 0
    assert readable == (word != "spdx")
    kind = COSIGN_TYPES.get(word, word)
    (theirs,) = party.verify(image, require=kind).attestations
    pv.attest(image, path, party.signer, predicate_type=word, layout=layout)
    both = party.verify(image, require=kind).attestations
    assert len(both) == 2
    (ours,) = (proof for proof in both if proof.statement.raw != theirs.statement.raw)
    assert ours.predicate_type == theirs.predicate_type == kind
    assert said(ours) == said(theirs)
    if readable:
        assert len(run("cosign", *verify).stdout.splitlines()) == 2


def said(proof: Proof) -> Any:
    """The predicate, without the time at which it was wrapped and what cosign fills in."""
    predicate = proof.predicate
    if isinstance(predicate, dict):
        return {k: v for k, v in predicate.items() if k != "Timestamp" and v not in ({}, None)}
    return predicate


@pytest.mark.parametrize("how", ["key"], indirect=True)
@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_an_index_is_signed_as_deep_as_cosign_signs_it(
    local_registry: LocalRegistry, party: Party, layout: Any, run: Run
) -> None:
    tag = local_registry.reference("team/multi:1")
    build_index([ImageBuilder(platform=p).build() for p in ("linux/amd64", "linux/arm64")], tag)
    index = pv.resolve(tag)
    manifest = index.manifest()
    assert isinstance(manifest, Index)
    pv.sign(index, party.signer, layout=layout, recursive=True)
    run("cosign", "sign", *party.signing(layout), "-r", str(index.reference))
    for digest in (index.descriptor.digest, *(d.digest for d in manifest.manifests)):
        one = pv.resolve(index.reference.with_digest(digest))
        assert len(party.verify(one).signatures) == 2
        run("cosign", "verify", *party.checking, str(one.reference))


@pytest.mark.parametrize("how", ["key"], indirect=True)
def test_signatures_of_both_stand_in_one_manifest(image: pv.Image, party: Party, run: Run) -> None:
    """Each appends to what the other wrote, and loses none of it."""
    place = str(image.reference)
    for number in range(2):
        run("cosign", "sign", *party.signing("legacy"), "-a", f"theirs={number}", place)
        pv.sign(image, party.signer, layout="legacy", annotations={"ours": str(number)})
    assert len(party.verify(image).signatures) == 4
    done = run("cosign", "verify", *party.checking, "-o", "json", place)
    assert len(json.loads(done.stdout)) == 4


@pytest.mark.parametrize("how", ["key"], indirect=True)
def test_both_layouts_in_real_registries(
    real_registry: RealRegistry, party: Party, run: Run
) -> None:
    tag = f"{real_registry.host}/team/app:1.0"
    ImageBuilder().layer(APK).push(tag)
    image = pv.resolve(tag)
    pv.sign(image, party.signer, layout="both")
    stored = pv.attest(image, pv.generate_sbom(image), party.signer, layout="both")
    schemes = {one.placement.scheme for one in stored.everything}
    assert schemes == {real_registry.scheme, "tag"}
    run("cosign", "verify", *party.checking, str(image.reference))
    for number in range(2):
        pv.sign(image, party.signer, layout="legacy", annotations={"number": str(number)})
    run("cosign", "sign", *party.signing("legacy"), str(image.reference))
    assert len(party.verify(image, require="any").signatures) == 1
    examined = pv.examine(image, key=party.signer.public_key, trust=party.sigstore.trust)
    at_tags = [item for item in examined if item.outcome and item.placement.scheme == "tag"]
    assert sorted(item.kind for item in at_tags) == ["cyclonedx", *["signature"] * 4]


@pytest.mark.parametrize("how", ["key"], indirect=True)
@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_a_repository_for_evidence_is_cosigns(
    image: pv.Image,
    local_registry: LocalRegistry,
    party: Party,
    layout: Any,
    run: Run,
) -> None:
    place = local_registry.reference("security/evidence").removesuffix(":latest")
    pv.sign(image, party.signer, layout=layout, evidence_repository=place)
    verify = ("verify", *party.checking, str(image.reference))
    assert run("cosign", *verify, check=False).returncode != 0
    elsewhere = {"COSIGN_REPOSITORY": place}
    run("cosign", *verify, env=elsewhere)
    run("cosign", "sign", *party.signing(layout), str(image.reference), env=elsewhere)
    assert len(party.verify(image, evidence_repository=place).signatures) == 2
