"""`read_statement`: a statement out of whatever carries one."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import pytest

from provenance.attestation import read_statement
from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

BARE = (
    b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],'
    b'"predicateType":"https://example.com/p","predicate":null}'
)
ENVELOPE = json.dumps(
    {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(BARE).decode(),
        "signatures": [],
    }
).encode()


@pytest.mark.parametrize("raw", [BARE, ENVELOPE])
def test_bare_and_enveloped_statements_are_read(raw: bytes, tmp_path: Path) -> None:
    file = tmp_path / "statement.json"
    file.write_bytes(raw)
    for source in (raw, file, str(file), io.BytesIO(raw)):
        assert read_statement(source).raw == BARE


def test_a_bundle_is_read(local_sigstore: LocalSigstore) -> None:
    document = local_sigstore.forger().statement(BARE)
    assert read_statement(json.dumps(document).encode()).raw == BARE


def test_a_bundle_over_bytes_carries_none(local_sigstore: LocalSigstore) -> None:
    document = local_sigstore.forger().blob(b"data")
    with pytest.raises(UnsupportedFormat, match="carries no statement"):
        read_statement(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"{}", UnsupportedFormat),
        (b'{"bomFormat":"CycloneDX"}', UnsupportedFormat),
        (b"[]", MalformedDocument),
        (b"", MalformedDocument),
        (b'{"payloadType":"x"}', MalformedDocument),
        (b'{"payloadType":"x","payload":"!"}', MalformedDocument),
        (b'{"payloadType":"x","payload":7}', MalformedDocument),
        (BARE[:-1] + b',"_type":"x"}', MalformedDocument),
    ],
)
def test_what_carries_none_is_told_apart_from_what_is_broken(
    raw: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_statement(raw)


def test_no_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be read"):
        read_statement(tmp_path / "none.json")
    with pytest.raises(NotFound, match="cannot be read"):
        read_statement(tmp_path)


def test_no_more_than_the_limit_is_read() -> None:
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1) -> bytes:
            self.asked += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(LimitExceeded, match=r"Limits\.bundle_bytes"):
        read_statement(endless, limits=Limits(bundle_bytes=1000))  # type: ignore[arg-type]
    assert endless.asked == 1001
