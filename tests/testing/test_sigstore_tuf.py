"""The TUF repository, by python-tuf's client: what it takes, and why it refuses the rest."""

from __future__ import annotations

import datetime as dt
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    ExpiredMetadataError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Fetcher(FetcherInterface):
    def _fetch(self, url: str) -> Iterator[bytes]:
        from tuf.api.exceptions import DownloadHTTPError

        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                yield answer.read()
        except urllib.error.HTTPError as error:
            raise DownloadHTTPError(str(error), error.code) from error


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture
def refresh(sigstore: LocalSigstore, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """A client that keeps what it learned, as a user's does."""
    metadata, targets = tmp_path / "metadata", tmp_path / "targets"
    metadata.mkdir()
    targets.mkdir()
    root = sigstore.tuf.root_json

    def call() -> dict[str, Any]:
        updater = Updater(
            str(metadata),
            sigstore.tuf_url,
            str(targets),
            f"{sigstore.tuf_url}/targets",
            fetcher=Fetcher(),
            bootstrap=root,
        )
        updater.refresh()
        found: dict[str, Any] = {}
        for name in ("trusted_root.json", "signing_config.v0.2.json"):
            info = updater.get_targetinfo(name)
            assert info is not None
            with open(updater.download_target(info), "rb") as file:  # noqa: PTH123 - as tuf's docs
                found[name] = json.load(file)
        return found

    return call


def test_it_publishes_root_and_signing_configuration(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    assert refresh() == {
        "trusted_root.json": json.loads(sigstore.trusted_root_json),
        "signing_config.v0.2.json": json.loads(sigstore.signing_config_json),
    }


def test_a_rotated_key_is_published(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    refresh()
    sigstore.rotate("log")
    assert len(refresh()["trusted_root.json"]["tlogs"]) == 2


def test_root_and_online_keys_rotate(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    refresh()
    sigstore.tuf.rotate_root()
    sigstore.tuf.rotate_online_key()
    sigstore.tuf.rotate_root()
    refresh()
    assert "4.root.json" in sigstore.tuf.files


def test_a_root_not_signed_by_the_old_keys_is_refused(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    refresh()
    sigstore.tuf.rotate_root(signed_by_the_old=False)
    with pytest.raises(UnsignedMetadataError):
        refresh()


def test_a_root_signed_by_too_few_of_the_old_keys_is_refused(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    sigstore.tuf.rotate_root(threshold=1)
    with pytest.raises(UnsignedMetadataError, match="1/2"):
        refresh()


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_what_expired_is_refused_until_it_is_renewed(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]], role: str
) -> None:
    sigstore.tuf.expire(role)
    with pytest.raises(ExpiredMetadataError):
        refresh()
    sigstore.tuf.renew()
    refresh()


def test_an_old_copy_is_refused(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    old = dict(sigstore.tuf.files)
    sigstore.rotate("log")
    refresh()
    sigstore.tuf.roll_back(old)
    with pytest.raises(BadVersionNumberError):
        refresh()


def test_a_changed_target_is_refused(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    sigstore.tuf.tamper("trusted_root.json")
    with pytest.raises((RepositoryError, DownloadError)):
        refresh()


def test_it_fails_when_it_is_told(
    sigstore: LocalSigstore, refresh: Callable[[], dict[str, Any]]
) -> None:
    sigstore.fail("tuf", 503)
    with pytest.raises(DownloadError):
        refresh()


def test_its_clock_is_the_sigstore_s() -> None:
    moment = dt.datetime(2021, 3, 4, tzinfo=dt.UTC)
    with LocalSigstore(now=lambda: moment) as sigstore:
        root = json.loads(sigstore.tuf.root_json)["signed"]
        assert root["expires"] == "2021-04-03T00:00:00Z"
        assert root["roles"]["root"]["threshold"] == 2
