"""Trust roots: read, kept as bytes, and honest about their age."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.trust import Trust, instances

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

OFFLINE = Settings(offline=True, max_trust_age=36500)


def test_it_is_kept_as_it_was_read(local_sigstore: LocalSigstore) -> None:
    raw = b"  " + local_sigstore.trusted_root_json
    trust = Trust.from_json(raw)
    assert trust.to_json() == raw
    assert Trust.from_json(raw.decode()).to_json() == raw
    assert pickle.loads(pickle.dumps(trust)) == trust
    assert trust.has_logs


def test_a_file_is_read_with_its_signing_configuration(
    local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    file = local_sigstore.write_trusted_root(tmp_path / "root.json")
    config = local_sigstore.write_signing_config(tmp_path / "signing.json")
    trust = Trust.from_file(file, signing_config=config)
    assert trust == Trust.from_file(str(file)).with_signing_config(str(config))
    assert trust.source == str(file)
    assert trust.client_config().signing_config.get_tlogs()


def test_nothing_is_shown_but_its_source(local_sigstore: LocalSigstore) -> None:
    assert repr(Trust.from_json(local_sigstore.trusted_root_json)) == "Trust('bytes')"


def changed(local_sigstore: LocalSigstore, **changes: Any) -> bytes:
    return json.dumps(json.loads(local_sigstore.trusted_root_json) | changes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"mediaType": "application/json"},
        {"mediaType": None},
        {"tlogs": {}},
        {"tlogs": [{}]},
        {"certificateAuthorities": [], "tlogs": []},
        {"certificateAuthorities": [{"certChain": {"certificates": [{"rawBytes": "AAAA"}]}}]},
        {"timestampAuthorities": [{"certChain": {"certificates": [{"rawBytes": "AAAA"}]}}]},
        {"surprise": 1},
    ],
)
def test_what_is_no_trust_root_is_refused(
    local_sigstore: LocalSigstore, changes: dict[str, Any]
) -> None:
    with pytest.raises(MalformedDocument):
        Trust.from_json(changed(local_sigstore, **changes))


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"null", b'{"a":1,"a":1}', b"[" * 5000])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedDocument):
        Trust.from_json(raw)


@pytest.mark.parametrize("form", ["+json;version=0.1", ".v0.1+json", ".v0.2+json"])
def test_one_message_has_several_names(local_sigstore: LocalSigstore, form: str) -> None:
    media_type = f"application/vnd.dev.sigstore.trustedroot{form}"
    assert Trust.from_json(changed(local_sigstore, mediaType=media_type)).has_logs


def test_another_version_is_not_read(local_sigstore: LocalSigstore) -> None:
    media_type = "application/vnd.dev.sigstore.trustedroot.v0.3+json"
    with pytest.raises(UnsupportedFormat, match=r"trustedroot\.v0\.3"):
        Trust.from_json(changed(local_sigstore, mediaType=media_type))


@pytest.mark.parametrize("name", ["tlogs", "ctlogs", "timestampAuthorities"])
@pytest.mark.parametrize("empty", [..., None, []], ids=["left out", "null", "empty"])
def test_an_empty_list_is_left_out(local_sigstore: LocalSigstore, name: str, empty: Any) -> None:
    """ProtoJSON: what is empty is not written, and null says the same."""
    root = json.loads(local_sigstore.trusted_root_json) | {name: empty}
    trust = Trust.from_json(json.dumps({k: v for k, v in root.items() if v is not ...}))
    assert trust.has_logs == (name != "tlogs")
    assert len(trust.material.certificate_authorities) == 1


def test_an_empty_text_is_left_out(local_sigstore: LocalSigstore) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    for log in (*root["tlogs"], *root["ctlogs"]):
        del log["baseUrl"]
    for authority in (*root["certificateAuthorities"], *root["timestampAuthorities"]):
        del authority["uri"]
    root["certificateAuthorities"][0]["subject"] = {}
    del root["timestampAuthorities"][0]["subject"]
    trust = Trust.from_json(json.dumps(root))
    assert {log.url for log in trust.material.logs} == {""}
    assert trust.trusted_root() is not None


@pytest.mark.parametrize("name", ["tlogs", "ctlogs"])
@pytest.mark.parametrize("span", [..., None, {}, {"end": "2999-01-01T00:00:00Z"}])
def test_a_log_that_is_trusted_since_no_time_is_refused(
    local_sigstore: LocalSigstore, name: str, span: Any
) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    key = root[name][0]["publicKey"]
    key["validFor"] = span
    root[name][0]["publicKey"] = {k: v for k, v in key.items() if v is not ...}
    with pytest.raises(MalformedDocument, match=r"validFor|start"):
        Trust.from_json(json.dumps(root))


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("validFor", "valid_for"),
        ("publicKey", "public_key"),
        ("certificateAuthorities", "certificate_authorities"),
        ("timestampAuthorities", "timestamp_authorities"),
        ("baseUrl", "base_url"),
    ],
)
def test_the_original_spelling_of_a_field_is_not_passed_over(
    local_sigstore: LocalSigstore, name: str, original: str
) -> None:
    # Other readers take both: an end of trust that we do not see would be none.
    raw = local_sigstore.trusted_root_json.replace(f'"{name}"'.encode(), f'"{original}"'.encode())
    with pytest.raises((UnsupportedFormat, MalformedDocument), match=original):
        Trust.from_json(raw)


def test_a_root_without_logs_says_so(local_sigstore: LocalSigstore) -> None:
    assert not Trust.from_json(changed(local_sigstore, tlogs=[])).has_logs


@pytest.mark.parametrize("config", [b"[]", b"{", b'{"a":1,"a":2}'])
def test_a_signing_configuration_that_is_none_is_refused(
    local_sigstore: LocalSigstore, config: bytes
) -> None:
    with pytest.raises(MalformedDocument):
        Trust.from_json(local_sigstore.trusted_root_json, signing_config=config)


@pytest.mark.parametrize(
    "changes", [{"caUrls": []}, {"rekorTlogUrls": []}, {"mediaType": "x"}, {"surprise": 1}]
)
def test_a_signing_configuration_that_cannot_sign_is_told_when_signing(
    local_sigstore: LocalSigstore, changes: dict[str, Any]
) -> None:
    config = json.dumps(json.loads(local_sigstore.signing_config_json) | changes)
    trust = Trust.from_json(local_sigstore.trusted_root_json, signing_config=config)
    with pytest.raises(MalformedDocument, match="signing configuration"):
        trust.client_config()


def test_files_are_capped_and_missing_ones_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be read"):
        Trust.from_file(tmp_path / "none.json")
    with pytest.raises(NotFound, match="is no path"):
        Trust.from_file("a\0b")
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (8 << 20) + b"{}")
    with pytest.raises(LimitExceeded, match="no trust root"):
        Trust.from_file(large)
    with pytest.raises(LimitExceeded, match="no trust root"):
        Trust.from_json(large.read_bytes())


def test_offline_the_shipped_copy_is_the_public_instances() -> None:
    trust = Trust.public_good(settings=OFFLINE)
    document = json.loads(trust.to_json())
    assert {log["baseUrl"] for log in document["tlogs"]} >= {"https://rekor.sigstore.dev"}
    assert trust.has_logs
    assert "shipped" in trust.source


def test_the_shipped_copy_grows_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    today = dt.datetime.now(dt.UTC).date()
    settings = Settings(offline=True, max_trust_age=10)
    monkeypatch.setattr(instances, "_SHIPPED_ON", today - dt.timedelta(days=9))
    Trust.public_good(settings=settings)
    monkeypatch.setattr(instances, "_SHIPPED_ON", today - dt.timedelta(days=11))
    with pytest.raises(NotEvaluated, match="days old, of which 10 are allowed"):
        Trust.public_good(settings=settings)


def test_a_file_the_caller_names_has_no_age(local_sigstore: LocalSigstore, tmp_path: Path) -> None:
    file = local_sigstore.write_trusted_root(tmp_path / "root.json")
    assert Trust.from_file(file).has_logs


def test_offline_forbids_to_refresh(tmp_path: Path) -> None:
    file = tmp_path / "root.json"
    file.write_bytes(instances._shipped("staging_root.json"))
    with pytest.raises(NotEvaluated, match="no copy is at hand"):
        Trust.staging(settings=OFFLINE)
    with pytest.raises(NotEvaluated, match="offline forbids"):
        Trust.from_tuf("https://tuf.example.com", file, settings=OFFLINE)


@pytest.mark.corpus
def test_the_shipped_copy_is_the_published_one(corpus: Path) -> None:
    targets = corpus / "sigstore-roots" / "targets"
    published = Trust.from_file(
        targets / "trusted_root.json", signing_config=targets / "signing_config.v0.2.json"
    )
    assert Trust.public_good(settings=OFFLINE).to_json() == published.to_json()
    assert published.client_config().signing_config.get_tlogs()


@pytest.mark.corpus
def test_every_recorded_trust_root_is_read(corpus: Path) -> None:
    files = list((corpus / "sigstore-bundles").rglob("trusted_root.json"))
    assert len(files) > 10
    for file in files:
        assert Trust.from_file(file).trusted_root().get_fulcio_certs()
