"""TUF repositories that answer anything: a trust root that was signed, or "could not tell"."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.exceptions import RepositoryError

from provenance.errors import NotEvaluated
from provenance.settings import Settings
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.tuf_repository import TufRepository
from provenance.trust import Trust, updating
from provenance.trust.replaying import replay
from provenance.trust.tuf_cache import Kept, cache_file, read_kept, write_kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODIES = {
    "empty": b"",
    "a web page": b"<!DOCTYPE html><title>Sign in</title>",
    "null": b"null",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "large": b" " * 9_000_000 + b"{}",
    "unsigned": b'{"signatures":[],"signed":{"_type":"root"}}',
    "no UTF-8": b"\xff\xfe{}",
}
FILES = ("timestamp.json", "1.snapshot.json", "1.targets.json", ".trusted_root.json")


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_refreshed", {})


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.mark.parametrize("name", [*FILES, "2.root.json"])
@pytest.mark.parametrize("body", BODIES)
def test_any_answer_in_place_of_a_file_is_not_knowing(
    sigstore: LocalSigstore, tmp_path: Path, name: str, body: str
) -> None:
    root = sigstore.write_tuf_root(tmp_path / "root.json")
    published = sigstore.tuf.files
    (path,) = [n for n in published if n.endswith(name)] or [name]
    published[path] = BODIES[body]
    with pytest.raises(NotEvaluated, match="could not be refreshed"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=Settings(retries=0, timeout=5))


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_any_refusal_is_not_knowing(sigstore: LocalSigstore, tmp_path: Path, status: int) -> None:
    root = sigstore.write_tuf_root(tmp_path / "root.json")
    sigstore.fail("tuf", status)
    with pytest.raises(NotEvaluated, match="could not be refreshed"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=Settings(retries=0, timeout=5))


REPOSITORY = TufRepository(lambda: dt.datetime(2024, 5, 6, tzinfo=dt.UTC))
REPOSITORY.publish({"trusted_root.json": b"{}"})
AT_HAND = {
    "timestamp.json": REPOSITORY.files["timestamp.json"],
    "snapshot.json": REPOSITORY.files["1.snapshot.json"],
    "targets.json": REPOSITORY.files["1.targets.json"],
    "targets/trusted_root.json": b"{}",
}


@settings(max_examples=300)
@given(
    name=st.sampled_from(sorted(AT_HAND)),
    at=st.integers(0, 5000),
    flip=st.integers(1, 255),
    length=st.one_of(st.none(), st.integers(0, 5000)),
)
def test_a_damaged_copy_proves_what_the_whole_one_proves_or_nothing(
    name: str, at: int, flip: int, length: int | None
) -> None:
    data = bytearray(AT_HAND[name])
    data[at % len(data)] ^= flip
    damaged = bytes(data if length is None else data[:length])
    try:
        found = replay(REPOSITORY.root_json, {**AT_HAND, name: damaged})
    except (RepositoryError, LookupError, ValueError, TypeError, AttributeError):
        return
    # White space, or the signature of a key that is not needed.
    whole = replay(REPOSITORY.root_json, AT_HAND)
    assert (found.targets, found.expires) == (whole.targets, whole.expires)


def test_a_copy_with_a_root_of_no_number_is_replaced(
    sigstore: LocalSigstore, tmp_path: Path
) -> None:
    root = sigstore.write_tuf_root(tmp_path / "root.json")
    its = Settings(retries=0, timeout=5, cache_dir=tmp_path / "cache")
    file = cache_file(sigstore.tuf_url, tmp_path / "cache")
    now = dt.datetime.now(dt.UTC)
    for name in ("9" * 5000, "0", "-1", "../1"):
        assert write_kept(
            file, Kept(sigstore.tuf_url, now, {f"root_history/{name}.root.json": b"x"})
        )
        assert Trust.from_tuf(sigstore.tuf_url, root, settings=its, renew=True).has_logs


@given(raw=st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_copies(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any-copy.json"
    file.write_bytes(raw)
    assert read_kept(file) is None


@given(
    document=st.dictionaries(
        st.sampled_from(["url", "fetched", "files", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=6,
        ),
    )
)
def test_no_document_breaks_it_either(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any-document.json"
    file.write_text(json.dumps(document))
    assert read_kept(file) is None
