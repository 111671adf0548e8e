"""Predicates by their types: read as their specifications' examples say, faults told one by one."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation import ResourceDescriptor, Statement, read_predicate
from provenance.attestation.predicate_types import COSIGN_TYPES, FAMILIES
from provenance.attestation.predicates import (
    AttributeReport,
    Custom,
    CycloneDx,
    Link,
    OpenVex,
    Reference,
    Release,
    RuntimeTrace,
    Signature,
    SlsaProvenance,
    Spdx,
    TestResult,
    TypedPredicate,
    VerificationSummary,
    VerifiedProperties,
    VulnerabilityScan,
)
from provenance.attestation.predicates.reading import VIEWS
from provenance.errors import MalformedDocument

IN_TOTO = "https://in-toto.io/attestation"


def statement(predicate_type: str, predicate: Any) -> Statement:
    return Statement.build([ResourceDescriptor("app", {"sha256": "00"})], predicate_type, predicate)


def read(predicate_type: str, predicate: Any) -> Any:
    return read_predicate(statement(predicate_type, predicate))


# Each: type, predicate (from the specification's example), view, fields as they must be read.
EXAMPLES: list[tuple[str, Any, type[TypedPredicate], dict[str, Any]]] = [
    (
        "https://slsa.dev/verification_summary/v1",
        {
            "verifier": {"id": "https://example.com/publication_verifier"},
            "timeVerified": "1985-04-12T23:20:50.52Z",
            "resourceUri": "https://example.com/example-1.2.3.tar.gz",
            "policy": {"uri": "https://example.com/example_tarball.policy"},
            "inputAttestations": [{"uri": "https://example.com/p", "digest": {"sha256": "abcd"}}],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            "dependencyLevels": {"SLSA_BUILD_LEVEL_3": 5},
            "slsaVersion": "1.0",
        },
        VerificationSummary,
        {
            "verifier_id": "https://example.com/publication_verifier",
            "verified": dt.datetime(1985, 4, 12, 23, 20, 50, 520_000, tzinfo=dt.UTC),
            "policy_uri": "https://example.com/example_tarball.policy",
            "passed": True,
            "levels": ("SLSA_BUILD_LEVEL_3",),
            "dependency_levels": {"SLSA_BUILD_LEVEL_3": 5},
        },
    ),
    (
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        {
            "invocation": {"parameters": None, "uri": "x", "event_id": "1", "builder.id": "g"},
            "scanner": {
                "uri": "pkg:github/aquasecurity/trivy@244fd47e07d1004f0aed9c",
                "version": "0.19.2",
                "db": {"uri": "pkg:github/aquasecurity/trivy-db", "version": "v1-2021080612"},
                "result": {"any": "thing"},
            },
            "metadata": {
                "scanStartedOn": "2021-08-06T17:45:50.52Z",
                "scanFinishedOn": "2021-08-06T17:50:50.52Z",
            },
        },
        VulnerabilityScan,
        {
            "scanner_version": "0.19.2",
            "database_version": "v1-2021080612",
            "result": {"any": "thing"},
            "finished": dt.datetime(2021, 8, 6, 17, 50, 50, 520_000, tzinfo=dt.UTC),
        },
    ),
    (
        f"{IN_TOTO}/vulns/v0.2",
        {
            "scanner": {
                "uri": "pkg:github/aquasecurity/trivy",
                "db": {"lastUpdate": "2021-08-06T17:45:50.52Z"},
                "result": [{"id": "CVE-123", "severity": [{"method": "nvd", "score": "medium"}]}],
            },
            "metadata": {"scanFinishedOn": "2021-08-06T19:50:50+02:00"},
        },
        VulnerabilityScan,
        {
            "database_updated": dt.datetime(2021, 8, 6, 17, 45, 50, 520_000, tzinfo=dt.UTC),
            "finished": dt.datetime(2021, 8, 6, 17, 50, 50, tzinfo=dt.UTC),
            "started": None,
        },
    ),
    (
        f"{IN_TOTO}/link/v0.3",
        {
            "name": "build",
            "command": ["make", "all"],
            "materials": [{"name": "Makefile", "digest": {"sha256": "aa"}}],
            "byproducts": {"return-value": 0},
        },
        Link,
        {
            "name": "build",
            "command": ("make", "all"),
            "materials": (ResourceDescriptor("Makefile", {"sha256": "aa"}),),
            "products": (),
            "byproducts": {"return-value": 0},
            "environment": {},
        },
    ),
    (
        "https://in-toto.io/Link/v1",
        {
            "_type": "link",
            "name": "build",
            "command": [],
            "materials": {"a/b": {"sha256": "aa"}},
            "products": {"c": {"sha256": "bb"}},
            "byproducts": {},
            "environment": {},
        },
        Link,
        {
            "materials": (ResourceDescriptor("a/b", {"sha256": "aa"}),),
            "products": (ResourceDescriptor("c", {"sha256": "bb"}),),
        },
    ),
    (
        f"{IN_TOTO}/release/v0.1",
        {"purl": "pkg:npm/%40angular/http@7.2.16", "releaseId": "1234567890"},
        Release,
        {"purl": "pkg:npm/%40angular/http@7.2.16", "package_id": "1234567890"},
    ),
    (
        f"{IN_TOTO}/test-result/v0.1",
        {
            "result": "PASSED",
            "configuration": [
                {
                    "name": ".github/workflows/ci.yml",
                    "downloadLocation": "https://github.com/in-toto/in-toto/blob/d20/ci.yml",
                    "digest": {"gitBlob": "ebe4add40f63c3c98bc9b32ff1e736f04120b023"},
                }
            ],
            "passedTests": ["build (3.7, ubuntu-latest, py)"],
            "failedTests": [],
        },
        TestResult,
        {"passed": True, "passed_tests": ("build (3.7, ubuntu-latest, py)",), "failed_tests": ()},
    ),
    (
        f"{IN_TOTO}/scai/attribute-report/v0.2",
        {
            "attributes": [
                {"attribute": "WITH_STACK_PROTECTION", "conditions": {"flags": "-f*"}},
                {"attribute": "REPRODUCIBLE", "evidence": {"name": "gcc.json", "digest": {}}},
            ],
            "producer": {"uri": "file:///usr/bin/gcc", "name": "gcc9.3.0"},
        },
        AttributeReport,
        {"producer": ResourceDescriptor("gcc9.3.0", uri="file:///usr/bin/gcc")},
    ),
    (
        f"{IN_TOTO}/reference/v0.1",
        {
            "attester": {"id": "https://my-builder.com/v1"},
            "references": [
                {
                    "downloadLocation": "https://cloud.com/my-sboms/sbom.spdx.json",
                    "digest": {"sha256": "3b0d"},
                    "mediaType": "application/spdx+json",
                }
            ],
        },
        Reference,
        {
            "attester_id": "https://my-builder.com/v1",
            "references": (
                ResourceDescriptor(
                    digest={"sha256": "3b0d"},
                    media_type="application/spdx+json",
                    download_location="https://cloud.com/my-sboms/sbom.spdx.json",
                ),
            ),
        },
    ),
    (
        f"{IN_TOTO}/svr/v0.1",
        {
            "verifier": {"id": "https://example.com/publication_verifier/v2"},
            "timeCreated": "1985-04-12T23:20:50.52Z",
            "properties": ["SLSA_BUILD_LEVEL_3"],
        },
        VerifiedProperties,
        {"properties": ("SLSA_BUILD_LEVEL_3",)},
    ),
    (
        f"{IN_TOTO}/runtime-trace/v0.1",
        {
            "monitor": {"type": "https://github.com/cilium/tetragon/v0.8.4", "tracePolicy": {}},
            "monitoredProcess": {
                "hostID": "https://tekton.dev/chains/v2",
                "type": "https://tekton.dev/attestations/chains@v2",
                "event": "run-image-pipelinerun-build-trusted",
            },
            "monitorLog": {"process": [{"eventType": "exit"}], "fileAccess": [{"name": "/etc"}]},
        },
        RuntimeTrace,
        {
            "host_id": "https://tekton.dev/chains/v2",
            "processes": ({"eventType": "exit"},),
            "files": (ResourceDescriptor("/etc"),),
        },
    ),
    (
        "https://cosign.sigstore.dev/attestation/v1",
        {"Data": "text\n", "Timestamp": "2026-11-24T10:00:00Z"},
        Custom,
        {"data": "text\n", "timestamp": dt.datetime(2026, 11, 24, 10, tzinfo=dt.UTC)},
    ),
    ("https://sigstore.dev/cosign/sign/v1", {}, Signature, {"raw": {}}),
    ("https://spdx.dev/Document", "SPDXVersion: SPDX-2.3", Spdx, {"is_tag_value": True}),
    (
        "https://spdx.dev/Document/v2.3",
        {"spdxVersion": "SPDX-2.3"},
        Spdx,
        {"is_tag_value": False, "version": "SPDX-2.3"},
    ),
    ("https://cyclonedx.org/bom", {"specVersion": "1.6"}, CycloneDx, {"version": "1.6"}),
    (
        "https://openvex.dev/ns/v0.2.0",
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://openvex.dev/docs/example",
            "author": "Wolfi J Inkinson",
            "timestamp": "2023-01-08T18:02:03.647787998-06:00",
            "version": 1,
            "statements": [{"vulnerability": {"name": "CVE-2023-12345"}}],
        },
        OpenVex,
        {
            "version": "1",
            "timestamp": dt.datetime(2023, 1, 9, 0, 2, 3, 647_787, tzinfo=dt.UTC),
        },
    ),
]


@pytest.mark.parametrize(("predicate_type", "predicate", "view", "fields"), EXAMPLES)
def test_an_example_of_its_specification_is_read(
    predicate_type: str, predicate: Any, view: type[TypedPredicate], fields: dict[str, Any]
) -> None:
    found = read(predicate_type, predicate)
    assert type(found) is view
    for name, expected in fields.items():
        assert getattr(found, name) == expected, name
    assert found.predicate == predicate
    assert found.predicate_type == predicate_type
    assert found.check().ok, found.check().findings
    assert pickle.loads(pickle.dumps(found)) == found


def test_attributes_name_what_they_are_about() -> None:
    found = read(*EXAMPLES[7][:2])
    first, second = found.attributes
    assert (first.name, first.conditions, first.evidence) == (
        "WITH_STACK_PROTECTION",
        {"flags": "-f*"},
        None,
    )
    assert second.evidence == ResourceDescriptor("gcc.json")


def test_every_family_has_a_view_and_every_word_of_cosigns_a_family() -> None:
    assert VIEWS.keys() == FAMILIES.keys()
    for predicate_type in COSIGN_TYPES.values():
        assert isinstance(read(predicate_type, {}), TypedPredicate)


@pytest.mark.parametrize("predicate", [{"a": 1}, "text", [1], None, 1.5, False])
def test_an_unknown_type_is_kept_as_it_is(predicate: Any) -> None:
    assert read("https://example.com/review/v1", predicate) == predicate


def test_one_broken_field_hides_no_other() -> None:
    found = read(
        "https://slsa.dev/provenance/v1",
        {
            "buildDefinition": {"buildType": 7, "resolvedDependencies": [{"digest": "x"}]},
            "runDetails": {"builder": {"id": "https://b"}, "metadata": {"startedOn": "today"}},
        },
    )
    assert found.builder_id == "https://b"
    with pytest.raises(MalformedDocument) as caught:
        _ = found.build_type
    assert caught.value.pointer == "/predicate/buildDefinition/buildType"
    findings = {f.pointer: f.severity.value for f in found.check()}
    assert findings["/predicate/buildDefinition/resolvedDependencies/0/digest"] == "error"
    assert findings["/predicate/runDetails/metadata/startedOn"] == "error"


def test_what_a_specification_asks_for_and_is_missing_is_a_warning() -> None:
    report = read(f"{IN_TOTO}/release/v0.1", {}).check()
    assert report.ok
    assert [f.message.partition(" ")[0] for f in report] == ["purl"]
    assert not read(f"{IN_TOTO}/release/v0.1", "x").check().ok


@pytest.mark.parametrize(
    "when",
    [
        "2023-01-08T18:02:03",
        "2023-01-08",
        "2023-13-08T18:02:03Z",
        "2023-01-08T18:02:03+99:99",
        "2023-01-08 18:02:03Z",
        "9999-12-31T23:59:59-23:00",
        "٢٠٢٣-01-08T18:02:03Z",
        "2023-01-08T18:02:03Z\n",
    ],
)
def test_a_time_that_is_none_is_told(when: str) -> None:
    found = read(f"{IN_TOTO}/svr/v0.1", {"timeCreated": when})
    with pytest.raises(MalformedDocument) as caught:
        _ = found.created
    assert caught.value.pointer == "/predicate/timeCreated"


KEYS = (
    *("builder", "id", "buildDefinition", "externalParameters", "workflow", "repository"),
    *("source", "uri", "resolvedDependencies", "digest", "sha1", "runDetails", "metadata"),
    *("invocation", "environment", "configSource", "attributes", "attribute", "evidence"),
    *("references", "materials", "monitorLog", "fileAccess", "scanner", "db", "verifier"),
    *("name", "command", "products", "ref", "inputs"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(predicate=JSON, family=st.sampled_from(sorted(VIEWS)))
def test_whatever_a_predicate_is_only_our_error_is_raised(predicate: Any, family: str) -> None:
    for predicate_type in ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"):
        found = VIEWS[family](predicate_type, predicate)
        assert isinstance(found.check().ok, bool)
        for name in (*found.FIELDS, "attributes", "result", "data", "version"):
            with contextlib.suppress(MalformedDocument):
                getattr(found, name, None)


def test_a_provenance_of_buildkit_is_read() -> None:
    # docs.docker.com, "Provenance attestation": both versions of one build.
    old = read(
        "https://slsa.dev/provenance/v0.2",
        {
            "builder": {"id": ""},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": [{"uri": "pkg:docker/alpine@latest", "digest": {"sha256": "f7"}}],
            "invocation": {
                "configSource": {
                    "uri": "https://github.com/moby/buildkit.git#refs/tags/v0.11.0:sub",
                    "digest": {"sha1": "830288a71f447b46ad44ad5f7bd45148ec450d44"},
                    "entryPoint": "Dockerfile",
                },
                "parameters": {"frontend": "dockerfile.v0"},
            },
            "metadata": {"buildStartedOn": "2022-11-28T17:24:30.4223642Z"},
        },
    )
    new = read(
        "https://slsa.dev/provenance/v1",
        {
            "buildDefinition": {
                "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/"
                "slsa-definitions.md",
                "externalParameters": {
                    "configSource": {
                        "uri": "https://github.com/moby/buildkit.git#refs/tags/v0.11.0",
                        "digest": {"sha1": "830288a71f447b46ad44ad5f7bd45148ec450d44"},
                        "path": "Dockerfile",
                    }
                },
            },
            "runDetails": {"builder": {"id": ""}},
        },
    )
    for found in (old, new):
        assert (found.source_uri, found.ref, found.entry_point, found.commit) == (
            "https://github.com/moby/buildkit",
            "refs/tags/v0.11.0",
            "Dockerfile",
            "830288a71f447b46ad44ad5f7bd45148ec450d44",
        )
    assert old.started == dt.datetime(2022, 11, 28, 17, 24, 30, 422_364, tzinfo=dt.UTC)


def test_a_provenance_of_gitlabs_runner_is_read() -> None:
    found = read(
        "https://slsa.dev/provenance/v1",
        {
            "buildDefinition": {
                "buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/2147fb44/"
                "PROVENANCE.md",
                "externalParameters": {
                    "CI": "",
                    "entryPoint": "build-job",
                    "source": "https://gitlab.com/my-group/my-project/app",
                },
                "resolvedDependencies": [
                    {
                        "uri": "https://gitlab.com/my-group/my-project/app",
                        "digest": {"sha256": "bdd2ecda9ef57b129c88617a0215afc9fb223521"},
                    }
                ],
            },
            "runDetails": {"metadata": {"invocationID": "10340684631"}},
        },
    )
    assert isinstance(found, SlsaProvenance)
    assert (found.source_uri, found.entry_point, found.commit, found.invocation_id) == (
        "https://gitlab.com/my-group/my-project/app",
        "build-job",
        "bdd2ecda9ef57b129c88617a0215afc9fb223521",
        "10340684631",
    )


def test_json_of_a_predicate_is_not_changed_by_reading() -> None:
    document = {"purl": "x", "other": [1, {"a": None}]}
    assert json.dumps(read(f"{IN_TOTO}/release/v0.1", document).raw) == json.dumps(document)
