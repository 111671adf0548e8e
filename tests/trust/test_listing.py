"""What a trust root lists, line by line."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.keys import der
from provenance.trust import Trust
from provenance.trust.listing import list_material

if TYPE_CHECKING:
    from pathlib import Path


NOW = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_each_part_has_a_line_with_its_window() -> None:
    with LocalSigstore(now=lambda: NOW, rekor=("v1", "v2")) as sigstore:
        sigstore.rotate("tsa")
        lines = list_material(sigstore.trust.material, NOW + HOUR)
        assert [(line.kind, line.name, line.state) for line in lines] == [
            ("log", "PKIX_ECDSA_P256_SHA_256", "valid"),
            ("log", "PKIX_ED25519", "valid"),
            ("certificate log", "PKIX_ECDSA_P256_SHA_256", "valid"),
            (
                "certificate authority",
                "CN=fulcio intermediate,O=provenance local sigstore",
                "valid",
            ),
            (
                "timestamp authority",
                "CN=local timestamp authority,O=provenance local sigstore",
                "ended",
            ),
            (
                "timestamp authority",
                "CN=local timestamp authority,O=provenance local sigstore",
                "valid",
            ),
        ]
        assert lines[0].digest == sigstore.logs[0].log_id.hex()
        root = hashlib.sha256(der(sigstore.ca.authority.chain[-1])).hexdigest()
        assert lines[3].digest == root
        assert lines[5].start == NOW
        early = list_material(sigstore.trust.material, NOW - 400 * 24 * HOUR)
        assert {line.state for line in early} == {"not yet"}


def test_bytes_that_are_no_certificate_are_called_that() -> None:
    from provenance.trust.material import Authority, TrustMaterial, Validity

    material = TrustMaterial((), (), (Authority((b"no",), "", Validity()),), ())
    (line,) = list_material(material, NOW)
    assert (line.name, line.state) == ("no certificate", "valid")


def test_files_have_no_age(tmp_path: Path) -> None:
    with LocalSigstore() as sigstore:
        assert Trust.from_file(sigstore.write_trusted_root(tmp_path / "root.json")).age is None
