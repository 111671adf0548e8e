"""`trust show` and `trust update`, and what doctor says of trust."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from provenance.cli.main import main
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import instances, updating

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("PROVENANCE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(updating, "_refreshed", {})

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        sys.stdout.flush()
        out, err = capsys.readouterr()
        status = ended.value.code
        return (status if isinstance(status, int) else -1), out, err

    return call


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2")) as running:
        yield running


@pytest.fixture
def instance(sigstore: LocalSigstore, tmp_path: Path) -> tuple[str, ...]:
    root = sigstore.write_tuf_root(tmp_path / "tuf-root.json")
    return ("--tuf-url", sigstore.tuf_url, "--tuf-root", str(root))


def test_a_file_is_listed_part_by_part(run: Run, sigstore: LocalSigstore, tmp_path: Path) -> None:
    file = str(sigstore.write_trusted_root(tmp_path / "root.json"))
    status, out, err = run("trust", "show", "--trusted-root", file)
    assert status == 0, err
    assert sigstore.url in out
    assert "PKIX_ED25519" in out
    assert "timestamp authority" in out
    assert f"{file} (it has no age)" in out + err
    status, out, _ = run("trust", "show", "--trusted-root", file, "-o", "json")
    shown: dict[str, Any] = json.loads(out)
    assert shown["schema"] == "provenance/trust/v1"
    assert (shown["source"], shown["fetched"], shown["age_days"]) == (file, None, None)
    assert [part["kind"] for part in shown["parts"]] == [
        *("log", "log", "certificate log", "certificate authority", "timestamp authority"),
    ]
    assert shown["parts"][0]["digest"] == sigstore.logs[0].log_id.hex()
    assert (shown["parts"][0]["state"], shown["parts"][0]["end"]) == ("valid", None)


def test_update_fetches_and_show_reads_it_offline(
    run: Run, sigstore: LocalSigstore, instance: tuple[str, ...]
) -> None:
    status, out, err = run("trust", "update", *instance)
    assert status == 0, err
    assert f"TUF repository {sigstore.tuf_url}, as of" in out + err
    assert "logs: 2" in out + err
    sigstore.fail("tuf")
    status, out, err = run("--offline", "trust", "show", *instance, "-o", "json")
    assert status == 0, err
    assert json.loads(out)["age_days"] == 0
    status, out, err = run("trust", "update", *instance)
    assert (status, "could not be refreshed" in err) == (3, True)


def test_update_asks_whatever_was_asked_today(
    run: Run, sigstore: LocalSigstore, instance: tuple[str, ...]
) -> None:
    for _ in range(2):
        assert run("trust", "update", *instance, "-o", "json")[0] == 0
    paths = [request.path for request in sigstore.requests]
    assert paths.count("/tuf/timestamp.json") == 2


def test_the_public_instance_is_meant_when_nothing_is_said(
    run: Run, sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "PUBLIC_GOOD", sigstore.tuf_url)
    monkeypatch.setattr(instances, "_shipped", lambda _: sigstore.tuf.root_json)
    status, out, err = run("trust", "update")
    assert (status, sigstore.tuf_url in out + err) == (0, True), err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--tuf-url", "http://127.0.0.1:9"), "go together"),
        (("--staging", "--tuf-url", "http://127.0.0.1:9", "--tuf-root", "{file}"), "one instance"),
        (("--github", "{file}", "--staging"), "one instance"),
    ],
)
def test_two_instances_at_once_are_wrong_usage(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    file = tmp_path / "file"
    file.write_text("{}")
    status, _, err = run("trust", "show", *(a.format(file=file) for a in arguments))
    assert (status, why in err) == (2, True), err
    status, _, err = run("trust", "show", "--trusted-root", str(file), "--staging")
    assert (status, "names a file" in err) == (2, True), err


def test_offline_updates_nothing(run: Run) -> None:
    status, _, err = run("--offline", "trust", "update", "--staging")
    assert (status, "offline forbids" in err) == (3, True)


def test_what_cannot_be_kept_is_not_called_kept(
    run: Run, instance: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PROVENANCE_CACHE_DIR", str(tmp_path / "file"))
    status, _, err = run("trust", "update", *instance)
    assert (status, "could not be kept" in err, "PROVENANCE_CACHE_DIR" in err) == (3, True, True)


def test_a_root_of_github_s_that_is_in_a_file_is_not_refreshed(
    run: Run, sigstore: LocalSigstore, tmp_path: Path
) -> None:
    named = sigstore.trusted_root_json.replace(
        sigstore.url.encode(), b"https://fulcio.githubapp.com"
    )
    file = tmp_path / "trusted_root.jsonl"
    file.write_text(json.dumps(json.loads(named)))
    status, _, err = run("trust", "update", "--github", str(file))
    assert (status, "nothing to refresh" in err) == (2, True)
    assert run("trust", "show", "--github", str(file))[0] == 0


def test_doctor_names_what_was_refreshed_and_what_cannot_be_read(
    run: Run, sigstore: LocalSigstore, instance: tuple[str, ...], tmp_path: Path
) -> None:
    assert "never" in run("doctor")[1]
    run("trust", "update", *instance)
    status, out, _ = run("doctor", "-o", "json")
    lines = [f for f in json.loads(out)["sections"]["trust"] if f["name"] == "refreshed"]
    assert [line["value"] for line in lines] == [f"{sigstore.tuf_url}, 0 days ago"]
    (file,) = (tmp_path / "cache").rglob("refreshed.json")
    assert lines[0]["origin"] == str(file)
    file.write_text("{")
    status, out, _ = run("doctor", "-o", "json")
    lines = [f for f in json.loads(out)["sections"]["trust"] if f["name"] == "refreshed"]
    assert (status, lines[0]["ok"]) == (3, False)
