from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.image.config import Config, History

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32


def parse(document: Any) -> Config:
    return Config.parse(json.dumps(document).encode(), where="app", digest=DIGEST)


def test_the_fields() -> None:
    config = parse(
        {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "created": "2024-09-06T22:20:07.972381771Z",
            "author": "me",
            "config": {
                "User": "1000:1000",
                "Env": ["A=1", "B=x=y", "C"],
                "Entrypoint": ["/app"],
                "Cmd": ["run"],
                "WorkingDir": "/srv",
                "Labels": {"a": "b", "n": None},
                "ExposedPorts": {"80/tcp": {}},
                "Volumes": {"/data": {}},
                "StopSignal": "SIGINT",
            },
            "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
            "history": [
                {"created": "2024-09-06T22:20:07Z", "created_by": "ADD", "comment": "c"},
                {"created_by": "CMD", "empty_layer": True},
            ],
        }
    )
    assert (config.os, config.architecture, config.variant) == ("linux", "arm64", "v8")
    assert config.created == datetime(2024, 9, 6, 22, 20, 7, 972381, tzinfo=UTC)
    assert config.user == "1000:1000"
    assert config.env == {"A": "1", "B": "x=y", "C": ""}
    assert (config.entrypoint, config.cmd) == (("/app",), ("run",))
    assert config.labels == {"a": "b", "n": ""}
    assert (config.exposed_ports, config.volumes) == (("80/tcp",), ("/data",))
    assert config.diff_ids == (DIGEST,)
    assert config.history == (
        History(datetime(2024, 9, 6, 22, 20, 7, tzinfo=UTC), "ADD", "c"),
        History(created_by="CMD", empty_layer=True),
    )


def test_null_means_empty_everywhere() -> None:
    keys = ("os", "architecture", "created", "author", "config", "rootfs", "history")
    assert parse(dict.fromkeys(keys)) == Config(raw=json.dumps(dict.fromkeys(keys)).encode())
    inner = dict.fromkeys(("User", "Env", "Entrypoint", "Cmd", "Labels", "ExposedPorts", "Volumes"))
    config = parse({"config": inner, "rootfs": {"diff_ids": None}, "history": [None]})
    assert (config.env, config.labels, config.history) == ({}, {}, (History(),))


def test_a_single_string_is_a_list_of_one() -> None:
    assert parse({"config": {"Entrypoint": "/app"}}).entrypoint == ("/app",)


@pytest.mark.parametrize(
    "created", ["", "yesterday", "2024-13-01T00:00:00Z", "9999-12-31T23:59:59-23:00"]
)
def test_a_time_that_is_none_is_not_known(created: str) -> None:
    assert parse({"created": created}).created is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], "/"),
        ("x", "/"),
        ({"os": 1}, "/os"),
        ({"config": []}, "/config"),
        ({"config": {"Env": {}}}, "/config/Env"),
        ({"config": {"Env": [1]}}, "/config/Env"),
        ({"config": {"Labels": []}}, "/config/Labels"),
        ({"config": {"User": 0}}, "/config/User"),
        ({"rootfs": {"diff_ids": ["x"]}}, "/rootfs/diff_ids"),
        ({"history": {}}, "/history"),
        ({"history": [1]}, "/history/0"),
        ({"history": [{"created_by": []}]}, "/history/0/created_by"),
    ],
)
def test_the_wrong_type_is_malformed_with_its_pointer(document: Any, pointer: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse(document)
    assert caught.value.pointer == pointer
    assert caught.value.digest == DIGEST


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"<html>"])
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedDocument, match=r"image config is (no JSON|nested too deeply)"):
        Config.parse(raw)


# Runtimes read it by Go's parser, which goes by letters alone and merges an object that is there
# twice: `{"config":{"User":"0"},"config":{}}` runs as 0.
@pytest.mark.parametrize(
    "raw",
    [
        b'{"config": {"User": "0"}, "config": {"Env": []}}',
        b'{"config": {"User": "1000"}, "Config": {"User": "0"}}',
        b'{"config": {"User": "1000", "user": "0"}}',
        b'{"config": {"U\xc5\xbfer": "0", "User": "1000"}}',
        b'{"rootfs": {"diff_ids": []}, "RootFS": {"diff_ids": []}}',
        b'{"rootfs": {"diff_ids": [], "Diff_IDs": []}}',
        b'{"history": [{"created_by": "RUN true", "Created_By": "RUN false"}]}',
    ],
)
def test_what_a_runtime_would_read_otherwise_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedDocument, match="image config") as caught:
        Config.parse(raw, where="reg.example/app", digest=DIGEST)
    assert (caught.value.reference, caught.value.digest) == ("reg.example/app", DIGEST)


def test_how_it_runs_is_read_as_a_runtime_does() -> None:
    config = parse({"config": {"user": "0", "cmd": ["run"], "ENTRYPOINT": ["/app"], "mine": 1}})
    assert (config.user, config.cmd, config.entrypoint) == ("0", ("run",), ("/app",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["os", "config", "Env", "Labels", "rootfs", "diff_ids", "history"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_brings_another_error(document: Any) -> None:
    with contextlib.suppress(MalformedDocument):
        parse(document)


@pytest.mark.corpus
def test_real_configs(corpus: Path) -> None:
    folder = corpus / "images/manifests/conversion"
    for name in ("oci1-config.json", "schema2-config.json"):
        config = Config.parse((folder / name).read_bytes())
        assert config.os == "linux"
        assert len(config.diff_ids) == sum(not h.empty_layer for h in config.history)
