"""Predicate types, their families, and the words people use for them."""

from __future__ import annotations

import pytest

from provenance.attestation.predicate_types import (
    FAMILIES,
    family,
    matches,
    resolve_predicate_type,
)


@pytest.mark.parametrize(
    ("predicate_type", "name"),
    [
        ("https://sigstore.dev/cosign/sign/v1", "signature"),
        ("https://slsa.dev/provenance/v0.2", "slsa-provenance"),
        ("https://slsa.dev/provenance/v1", "slsa-provenance"),
        ("https://slsa.dev/verification_summary/v1", "vsa"),
        ("https://spdx.dev/Document", "spdx"),
        ("https://spdx.dev/Document/v2.3", "spdx"),
        ("https://cyclonedx.org/bom", "cyclonedx"),
        ("https://cyclonedx.org/bom/v1.6", "cyclonedx"),
        ("https://openvex.dev/ns", "openvex"),
        ("https://openvex.dev/ns/v0.2.0", "openvex"),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", "vuln"),
        ("https://in-toto.io/attestation/vulns/v0.2", "vuln"),
        ("https://in-toto.io/attestation/link/v0.3", "link"),
        ("https://in-toto.io/attestation/test-result/v0.1", "test-result"),
        ("https://in-toto.io/attestation/release/v0.1", "release"),
        ("https://in-toto.io/Link/v1", "link"),
        ("https://in-toto.io/attestation/scai/v0.3", "scai"),
        ("https://in-toto.io/attestation/scai/attribute-report/v0.2", "scai"),
        ("https://in-toto.io/attestation/reference/v0.1", "reference"),
        ("https://in-toto.io/attestation/svr/v0.2", "svr"),
        ("https://in-toto.io/attestation/runtime-trace/v0.1", "runtime-trace"),
        ("https://spdx.dev/Document/v3", "spdx"),
        ("https://cosign.sigstore.dev/attestation/v1", "custom"),
    ],
)
def test_a_type_has_its_family(predicate_type: str, name: str) -> None:
    assert family(predicate_type) == name
    assert matches(predicate_type, name)
    assert matches(predicate_type, predicate_type)
    assert matches(predicate_type, "any")


@pytest.mark.parametrize(
    "predicate_type",
    [
        "https://sigstore.dev/cosign/sign/v1/x",
        "https://sigstoreXdev/cosign/sign/v1",
        "x https://sigstore.dev/cosign/sign/v1",
        "https://sigstore.dev/cosign/sign/v1\n",
        "https://slsa.dev/provenance/v1?x",
        "https://cyclonedx.org/bomb",
        "https://cyclonedx.org/bom/v1.",
        "https://spdx.dev/Document/v",
        "https://slsa.dev/provenance/v\u0661",
        "https://slsa.dev/provenance",
        "signature ",
    ],
)
def test_what_only_looks_like_one_is_in_no_family(predicate_type: str) -> None:
    assert family(predicate_type) == predicate_type
    assert not matches(predicate_type, "signature")


def test_an_sbom_is_of_either_format() -> None:
    assert matches("https://spdx.dev/Document", "sbom")
    assert matches("https://cyclonedx.org/bom", "sbom")
    assert not matches("https://slsa.dev/provenance/v1", "sbom")


def test_an_alias_asks_for_what_cosign_would() -> None:
    assert matches("https://slsa.dev/provenance/v0.2", "slsaprovenance02")
    assert not matches("https://slsa.dev/provenance/v1", "slsaprovenance02")
    assert matches("https://spdx.dev/Document", "spdxjson")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spdx", "https://spdx.dev/Document"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsa-provenance", "https://slsa.dev/provenance/v1"),
        ("link", "https://in-toto.io/Link/v1"),
        ("vsa", "https://slsa.dev/verification_summary/v1"),
        ("https://example.com/p", "https://example.com/p"),
        ("urn:x:y", "urn:x:y"),
    ],
)
def test_a_word_becomes_the_type_to_write(name: str, expected: str) -> None:
    assert resolve_predicate_type(name) == expected


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="cyclonedx, link, openvex"):
        resolve_predicate_type("sbomb")


@pytest.mark.parametrize("name", [*FAMILIES, "sbom", "any"])
def test_a_type_that_spells_the_name_of_a_family_is_none_of_it(name: str) -> None:
    """Signed and true to its bytes, but no signature, SBOM or provenance for that."""
    assert family(name) not in {*FAMILIES, "sbom", "any"}
    assert not any(matches(name, wanted) for wanted in (*FAMILIES, "sbom"))
    assert matches(name, "any")
