"""References to documents that are elsewhere: digest and size are what is signed."""

from __future__ import annotations

import json

from provenance.attestation import ResourceDescriptor, Statement, read_predicate
from provenance.attestation.predicates.reference import Reference
from provenance.digests import Digest

DIGEST = Digest.of(b"a large document")


def test_a_reference_names_digest_size_and_what_it_is() -> None:
    made = Reference.to(
        DIGEST,
        16,
        media_type="application/vnd.cyclonedx+json",
        predicate_type="https://cyclonedx.org/bom",
        location=f"ghcr.io/org/app@{DIGEST}",
    )
    assert json.loads(json.dumps(made.predicate)) == {
        "attester": {"id": "https://pypi.org/project/oci-provenance"},
        "references": [
            {
                "mediaType": "application/vnd.cyclonedx+json",
                "downloadLocation": f"ghcr.io/org/app@{DIGEST}",
                "digest": {"sha256": DIGEST.hex},
                "annotations": {"size": 16, "predicateType": "https://cyclonedx.org/bom"},
            }
        ],
    }
    subject = ResourceDescriptor("app", {"sha256": "00"})
    found = read_predicate(Statement.build([subject], made.predicate_type, made.predicate))
    assert isinstance(found, Reference)
    (document,) = found.references
    assert document.is_about(DIGEST)
    assert document.annotations["size"] == 16
    assert found.check().ok
