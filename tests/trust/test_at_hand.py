"""Trust without a network: what was refreshed earlier, its age, and nothing written."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.settings import Settings
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust, instances, updating
from provenance.trust.tuf_cache import Kept, cache_file, read_kept, write_kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_refreshed", {})


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture
def root(sigstore: LocalSigstore, tmp_path: Path) -> Path:
    return sigstore.write_tuf_root(tmp_path / "root.json")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache", retries=0, timeout=5)


@pytest.fixture
def offline(settings: Settings) -> Settings:
    return replace(settings, offline=True)


def asked(sigstore: LocalSigstore) -> list[str]:
    return [request.path for request in sigstore.requests if request.path.startswith("/tuf/")]


def age_by(settings: Settings, url: str, days: float) -> None:
    """Let the last refresh be older than it is."""
    assert settings.cache_dir is not None
    file = cache_file(url, settings.cache_dir)
    kept = read_kept(file)
    assert kept is not None
    assert write_kept(file, replace(kept, fetched=kept.fetched - dt.timedelta(days=days)))


def test_what_was_refreshed_serves_offline(
    sigstore: LocalSigstore, root: Path, settings: Settings, offline: Settings
) -> None:
    online = Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    before = len(asked(sigstore))
    found = Trust.from_tuf(sigstore.tuf_url, root, settings=offline)
    assert found == online
    assert (found.fetched, found.signing_config) == (online.fetched, sigstore.signing_config_json)
    assert found.age is not None
    assert dt.timedelta(0) <= found.age < dt.timedelta(minutes=10)
    assert len(asked(sigstore)) == before


def test_another_process_asks_again_only_the_next_day(
    sigstore: LocalSigstore, root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    first = len(asked(sigstore))
    monkeypatch.setattr(updating, "_refreshed", {})
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    assert len(asked(sigstore)) == first
    monkeypatch.setattr(updating, "_refreshed", {})
    age_by(settings, sigstore.tuf_url, 1.1)
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    again = asked(sigstore)[first:]
    assert "/tuf/timestamp.json" in again
    assert not any("/targets/" in path for path in again)
    asked_by_then = len(asked(sigstore))
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings, renew=True)
    assert len(asked(sigstore)) > asked_by_then


def test_a_process_remembers_no_longer_than_it_may(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither beyond a day after the repository was asked, nor beyond what it signed."""
    day = 86400

    def remembered(sigstore: LocalSigstore) -> float:
        root = sigstore.write_tuf_root(tmp_path / "root.json")
        monkeypatch.setattr(updating, "_refreshed", {})
        Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
        ((until, _),) = updating._refreshed.values()
        return (until - time.monotonic()) / day

    with LocalSigstore() as sigstore:
        assert 0.9 < remembered(sigstore) <= 1
        age_by(settings, sigstore.tuf_url, 0.9)  # as another process left it
        assert 0 < remembered(sigstore) <= 0.1
    early = dt.timedelta(days=29, hours=12)  # its metadata lives for thirty days
    with LocalSigstore(now=lambda: dt.datetime.now(dt.UTC) - early) as sigstore:
        assert 0 < remembered(sigstore) <= 0.5


def test_too_old_is_not_knowing(
    sigstore: LocalSigstore, root: Path, settings: Settings, offline: Settings
) -> None:
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    age_by(settings, sigstore.tuf_url, 30.1)
    Trust.from_tuf(sigstore.tuf_url, root, settings=replace(offline, max_trust_age=31))
    with pytest.raises(NotEvaluated, match=r"30\.1 days old, of which 30 are allowed"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=replace(offline, max_trust_age=30))


def test_a_date_in_the_file_does_not_make_it_young(
    root: Path, settings: Settings, offline: Settings
) -> None:
    # The clock of the repository stood: its timestamp ended on 31 January 2024.
    then = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    with LocalSigstore(now=lambda: then) as old:
        file = old.write_tuf_root(root.with_name("old.json"))
        assert settings.cache_dir is not None
        assert old.tuf.files
        published = old.tuf.files
        (target,) = (n for n in published if n.endswith(".trusted_root.json"))
        files = {
            "timestamp.json": published["timestamp.json"],
            "snapshot.json": published["1.snapshot.json"],
            "targets.json": published["1.targets.json"],
            "targets/trusted_root.json": published[target],
        }
        now = dt.datetime.now(dt.UTC)
        write_kept(cache_file(old.tuf_url, settings.cache_dir), Kept(old.tuf_url, now, files))
        with pytest.raises(NotEvaluated, match="days old"):
            Trust.from_tuf(old.tuf_url, file, settings=offline)
        forever = replace(offline, max_trust_age=36500)
        found = Trust.from_tuf(old.tuf_url, file, settings=forever)
        assert found.fetched == dt.datetime(2024, 1, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", ["targets/trusted_root.json", "timestamp.json", "targets.json"])
def test_a_changed_copy_is_none(
    sigstore: LocalSigstore, root: Path, settings: Settings, offline: Settings, name: str
) -> None:
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    assert settings.cache_dir is not None
    file = cache_file(sigstore.tuf_url, settings.cache_dir)
    kept = read_kept(file)
    assert kept is not None
    with LocalSigstore() as other:
        forged = {
            "targets/trusted_root.json": other.trusted_root_json,
            "timestamp.json": other.tuf.files["timestamp.json"],
            "targets.json": other.tuf.files["1.targets.json"],
        }
    write_kept(file, replace(kept, files={**kept.files, name: forged[name]}))
    with pytest.raises(NotEvaluated, match="no copy is at hand"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=offline)
    assert Trust.from_tuf(sigstore.tuf_url, root, settings=settings).has_logs


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"url":1,"fetched":"x","files":{}}', b"\0"])
def test_what_is_no_copy_is_none(
    sigstore: LocalSigstore, root: Path, offline: Settings, raw: bytes
) -> None:
    assert offline.cache_dir is not None
    file = cache_file(sigstore.tuf_url, offline.cache_dir)
    file.parent.mkdir(parents=True)
    file.write_bytes(raw)
    assert read_kept(file) is None
    with pytest.raises(NotEvaluated, match="no copy is at hand"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=offline)


def test_an_older_answer_than_before_is_refused(
    sigstore: LocalSigstore, root: Path, settings: Settings
) -> None:
    old = dict(sigstore.tuf.files)
    sigstore.rotate("log")
    Trust.from_tuf(sigstore.tuf_url, root, settings=settings)
    sigstore.tuf.roll_back(old)
    with pytest.raises(NotEvaluated, match="BadVersionNumberError"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=settings, renew=True)


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_what_expired_is_refused(
    sigstore: LocalSigstore, root: Path, settings: Settings, role: str
) -> None:
    sigstore.tuf.expire(role)
    with pytest.raises(NotEvaluated, match="ExpiredMetadataError"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=settings)


def test_an_unreachable_repository_says_what_to_do(
    sigstore: LocalSigstore, root: Path, settings: Settings
) -> None:
    sigstore.fail("tuf", 503)
    with pytest.raises(NotEvaluated, match="--offline"):
        Trust.from_tuf(sigstore.tuf_url, root, settings=settings)


def test_a_password_in_the_address_is_never_shown(
    sigstore: LocalSigstore, root: Path, settings: Settings, offline: Settings
) -> None:
    url = sigstore.tuf_url.replace("http://", "http://user:hunter2@")
    assert "hunter2" not in repr(Trust.from_tuf(url, root, settings=settings))
    for its in (settings, offline):
        with pytest.raises(NotEvaluated, match=r"http://127\.0\.0\.1:\d+/tuf/none ") as caught:
            Trust.from_tuf(f"{url}/none", root, settings=its)
        assert "hunter2" not in str(caught.value)


def test_processes_refresh_at_once(
    sigstore: LocalSigstore, root: Path, settings: Settings, offline: Settings
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from provenance.settings import Settings; from provenance.trust import Trust\n"
        "settings = Settings(cache_dir=Path(sys.argv[1]), retries=0)\n"
        "for _ in range(3): Trust.from_tuf(*sys.argv[2:], settings=settings, renew=True)\n"
    )
    command = [sys.executable, "-c", code, str(settings.cache_dir), sigstore.tuf_url, str(root)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for one in running:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err.decode()
    assert Trust.from_tuf(sigstore.tuf_url, root, settings=offline).has_logs
    assert settings.cache_dir is not None
    folder = cache_file(sigstore.tuf_url, settings.cache_dir).parent
    assert [file.name for file in folder.iterdir()] == ["refreshed.json"]


def test_offline_the_newer_of_the_copies_counts(
    sigstore: LocalSigstore,
    settings: Settings,
    offline: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(instances, "PUBLIC_GOOD", sigstore.tuf_url)
    shipped = instances._shipped
    own = {"public_good_root.json": sigstore.tuf.root_json}
    monkeypatch.setattr(instances, "_shipped", lambda name: own.get(name) or shipped(name))
    forever = replace(offline, max_trust_age=36500)
    assert "shipped" in Trust.public_good(settings=forever).source
    fresh = Trust.public_good(settings=settings)
    assert Trust.public_good(settings=offline) == fresh
    monkeypatch.setattr(instances, "_SHIPPED_ON", dt.date(2999, 1, 1))
    assert "shipped" in Trust.public_good(settings=forever).source


def test_the_shipped_copy_has_its_date() -> None:
    trust = Trust.public_good(settings=Settings(offline=True, max_trust_age=36500))
    assert trust.fetched == dt.datetime(2026, 8, 21, tzinfo=dt.UTC)
    assert "2026-08-21" in trust.source


# GitHub's


def test_githubs_line_of_what_gh_prints_is_taken(sigstore: LocalSigstore, tmp_path: Path) -> None:
    with LocalSigstore(rekor=()) as other:
        named = other.trusted_root_json.replace(other.url.encode(), b"https://fulcio.githubapp.com")
    lines = [json.dumps(json.loads(raw)) for raw in (sigstore.trusted_root_json, named)]
    file = tmp_path / "trusted_root.jsonl"
    file.write_text("\n".join(lines) + "\n")
    trust = Trust.github(file)
    assert not trust.has_logs
    assert trust.age is None
    file.write_text("\n".join([*lines, lines[1]]))
    with pytest.raises(MalformedDocument, match="2 trust roots"):
        Trust.github(file)


def test_githubs_tuf_root_is_refreshed_there(
    sigstore: LocalSigstore, root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "GITHUB", sigstore.tuf_url)
    assert Trust.github(root, settings=settings).to_json() == sigstore.trusted_root_json


# Nothing but the files that are named

VERIFY = """
import os, socket, sys

def refuse(event, args):
    if event.startswith("socket.") and event not in {"socket.__new__", "socket.gethostname"}:
        raise AssertionError(f"asked: {event} {args}")
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        if args[0] != os.devnull:
            raise AssertionError(f"written: {args}")
    if event in {"os.mkdir", "os.rename", "os.symlink", "os.link", "shutil.copyfile"}:
        raise AssertionError(f"written: {event} {args}")

sys.dont_write_bytecode = True
sys.addaudithook(refuse)
import provenance as pv
from provenance.settings import Settings

data, bundle, root, issuer = sys.argv[1:]
who = pv.Identity("dev@example.com", issuer=issuer)
pv.verify_blob(data, bundle, who, trust=pv.Trust.from_file(root))
assert pv.Trust.public_good(settings=Settings(offline=True, max_trust_age=36500)).trusted_root()
print("verified")
"""


@pytest.mark.parametrize("home", ["a file", "not there"])
def test_verification_asks_nobody_and_writes_nothing(
    sigstore: LocalSigstore, tmp_path: Path, home: str
) -> None:
    bundle, data = tmp_path / "bundle.json", tmp_path / "data"
    bundle.write_text(json.dumps(sigstore.forger().blob(b"data")))
    data.write_bytes(b"data")
    root = sigstore.write_trusted_root(tmp_path / "trusted_root.json")
    place = tmp_path / "home"
    if home == "a file":
        place.write_text("nobody can write below this")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "COV"))}
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(data), str(bundle), str(root), sigstore.issuer],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment | {"HOME": str(place)},
    )
    assert (done.returncode, done.stdout) == (0, "verified\n"), done.stderr
