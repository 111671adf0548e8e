"""TUF repositories on loopback: good, expired, tampered with, gone."""

from __future__ import annotations

import datetime as dt
import functools
import http.server
import threading
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.settings import Settings
from provenance.testing.registry.messages import Content, Response
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context
from provenance.trust import Trust, updating

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.testing.registry.messages import Request
    from provenance.testing.sigstore import LocalSigstore


# Neither marks as exported what its documentation tells to import from there.
tuf: Any = import_module("tuf.api.metadata")
new_key: Any = import_module("securesystemslib.signer").CryptoSigner.generate_ed25519


@dataclass
class Repository:
    """A TUF repository in a folder, served on loopback; tests edit the folder like an attacker."""

    folder: Path
    url: str
    asked: list[str] = field(default_factory=list)
    signer: Any = field(default_factory=new_key)

    def publish(self, targets: dict[str, bytes], *, days: int = 1) -> Path:
        """Write and sign everything; returns the root."""
        until = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=days)
        root, listed = tuf.Root(expires=until), tuf.Targets(expires=until)
        root.consistent_snapshot = False
        for role in ("root", "timestamp", "snapshot", "targets"):
            root.add_key(self.signer.public_key, role)
        for name, data in targets.items():
            listed.targets[name] = tuf.TargetFile.from_data(name, data)
            self._write(f"targets/{name}", data)
        snapshot = tuf.Snapshot(expires=until, meta={"targets.json": tuf.MetaFile(1)})
        timestamp = tuf.Timestamp(expires=until, snapshot_meta=tuf.MetaFile(1))
        for name, signed in {
            "1.root": root,
            "targets": listed,
            "snapshot": snapshot,
            "timestamp": timestamp,
        }.items():
            document = tuf.Metadata(signed)
            document.sign(self.signer)
            self._write(f"{name}.json", document.to_bytes())
        return self.folder / "1.root.json"

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    folder = tmp_path / "repository"
    folder.mkdir()
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield Repository(folder, f"http://127.0.0.1:{server.server_port}", asked)
        server.shutdown()
        thread.join()


class Folder:
    """Answers with a folder's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def respond(self, request: Request) -> Response:
        file = self.folder / request.path.lstrip("/")
        if not file.is_file():
            return Response(404, {}, Content(b""))
        return Response(200, {}, Content(file.read_bytes()))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache", retries=0, timeout=5)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_refreshed", {})


def targets(sigstore: LocalSigstore) -> dict[str, bytes]:
    return {
        "trusted_root.json": sigstore.trusted_root_json,
        "signing_config.v0.2.json": sigstore.signing_config_json,
    }


def test_root_and_signing_configuration_are_fetched(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings
) -> None:
    root = repository.publish(targets(local_sigstore))
    trust = Trust.from_tuf(repository.url, root, settings=settings)
    assert trust.to_json() == local_sigstore.trusted_root_json
    assert trust.signing_config == local_sigstore.signing_config_json
    assert trust.source == f"TUF repository {repository.url}"


def test_a_repository_without_signing_configuration_only_verifies(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings
) -> None:
    root = repository.publish({"trusted_root.json": local_sigstore.trusted_root_json})
    assert Trust.from_tuf(repository.url, root, settings=settings).signing_config is None


def test_it_is_asked_once_a_day(
    repository: Repository,
    local_sigstore: LocalSigstore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = repository.publish(targets(local_sigstore))
    Trust.from_tuf(repository.url, root, settings=settings)
    asked = len(repository.asked)
    Trust.from_tuf(repository.url, root, settings=settings)
    assert len(repository.asked) == asked
    monkeypatch.setattr(updating, "_DAY", 0.0)
    monkeypatch.setattr(updating, "_refreshed", {})
    Trust.from_tuf(repository.url, root, settings=settings)
    again = repository.asked[asked:]
    assert any("timestamp" in path for path in again)
    # What was fetched and did not change is on disk.
    assert not any("/targets/" in path for path in again)


@pytest.mark.parametrize("cache", [None, "file"])
def test_without_a_place_to_cache_it_works_as_well(
    repository: Repository, local_sigstore: LocalSigstore, tmp_path: Path, cache: str | None
) -> None:
    folder = None
    if cache:
        folder = tmp_path / cache
        folder.write_text("not a folder")
    root = repository.publish(targets(local_sigstore))
    settings = Settings(cache_dir=folder, retries=0)
    assert Trust.from_tuf(repository.url, root, settings=settings).has_logs


def test_expired_metadata_is_not_knowing(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings
) -> None:
    root = repository.publish(targets(local_sigstore), days=-1)
    with pytest.raises(NotEvaluated, match="ExpiredMetadataError"):
        Trust.from_tuf(repository.url, root, settings=settings)


def test_a_tampered_target_is_not_taken(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings
) -> None:
    root = repository.publish(targets(local_sigstore))
    file = repository.folder / "targets" / "trusted_root.json"
    data = file.read_bytes()
    file.write_bytes(data[:-2] + b" }")
    with pytest.raises(NotEvaluated, match="could not be refreshed"):
        Trust.from_tuf(repository.url, root, settings=settings)


def test_metadata_by_another_key_is_not_taken(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings, tmp_path: Path
) -> None:
    trusted = tmp_path / "trusted.json"
    trusted.write_bytes(repository.publish(targets(local_sigstore)).read_bytes())
    repository.signer = new_key()
    repository.publish(targets(local_sigstore))
    with pytest.raises(NotEvaluated, match="UnsignedMetadataError"):
        Trust.from_tuf(repository.url, trusted, settings=settings)


def test_a_repository_without_trust_root_is_not_knowing(
    repository: Repository, settings: Settings
) -> None:
    root = repository.publish({"other.json": b"{}"})
    with pytest.raises(NotEvaluated, match=r"publishes no trusted_root\.json"):
        Trust.from_tuf(repository.url, root, settings=settings)


def test_a_repository_that_is_gone_is_not_knowing(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings
) -> None:
    root = repository.publish(targets(local_sigstore))
    with pytest.raises(NotEvaluated, match="cannot be reached"):
        Trust.from_tuf("http://127.0.0.1:9", root, settings=settings)


def test_a_repository_is_believed_by_the_authority_of_the_settings(
    repository: Repository, local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    root = repository.publish(targets(local_sigstore))
    context, pem = server_context()
    authority = tmp_path / "authority.pem"
    authority.write_bytes(pem)
    server = Server(Folder(repository.folder), context)
    settings = Settings(ca_bundle=authority, retries=0, timeout=5)
    try:
        assert Trust.from_tuf(server.base, root, settings=settings).has_logs
        updating._refreshed.clear()
        with pytest.raises(NotEvaluated, match=r"no certificate this machine trusts.*ca_bundle"):
            Trust.from_tuf(server.base, root, settings=Settings(retries=0, timeout=5))
    finally:
        server.stop()


def test_a_file_that_is_no_root_is_not_taken(
    repository: Repository, local_sigstore: LocalSigstore, settings: Settings, tmp_path: Path
) -> None:
    repository.publish(targets(local_sigstore))
    file = tmp_path / "root.json"
    timestamp = b'{"signed": {"_type": "timestamp"}, "signatures": []}'
    for other in (b"{}", b"<html>", b"\xff", timestamp, local_sigstore.trust.to_json()):
        file.write_bytes(other)
        for asked in (settings, replace(settings, offline=True)):
            with pytest.raises(MalformedDocument, match=r"root\.json is no TUF root.*trusted_root"):
                Trust.from_tuf(repository.url, file, settings=asked)
            with pytest.raises(MalformedDocument, match=r"root\.json is no TUF root"):
                Trust.github(file, settings=asked)
