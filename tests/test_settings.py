from __future__ import annotations

import pickle
import pwd
from pathlib import Path

import pytest

from provenance.oci.registry import Registry
from provenance.settings import Settings

SECRET = Settings(proxies={"https": "http://user:s3cret@proxy.example:3128"}, workers=3)


def test_a_proxy_s_password_stays_on_this_machine() -> None:
    for value in (SECRET, Registry(settings=SECRET)):
        raw = pickle.dumps(value)
        assert b"s3cret" not in raw
        again = pickle.loads(raw)
        settings = again.settings if isinstance(again, Registry) else again
        assert settings.proxies == {"https": "http://proxy.example:3128"}
        assert settings.workers == 3


@pytest.mark.parametrize(
    ("proxy", "kept"),
    [
        ("user:s3cret@proxy.example:3128", "proxy.example:3128"),
        ("https://s3cret@[fd00::1]:3128/", "https://[fd00::1]:3128/"),
        ("http://user:s3@cret@proxy.example", "http://proxy.example"),
        ("http://user:[s3cret@proxy.example", "http://proxy.example"),
        ("proxy.example", "proxy.example"),
    ],
)
def test_however_it_is_written(proxy: str, kept: str) -> None:
    raw = pickle.dumps(Settings(proxies={"https": proxy}))
    assert b"s3" not in raw
    assert pickle.loads(raw).proxies == {"https": kept}


def test_settings_without_secrets_stay_what_they_are() -> None:
    plain = Settings(timeout=7, plain_http=("a:5000",), proxies={"http": "http://p:1"})
    assert pickle.loads(pickle.dumps(plain)) == plain


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.cache/provenance"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "/c"}, "/c/provenance"),
        ({"XDG_CACHE_HOME": "/c", "PROVENANCE_CACHE_DIR": "/p"}, "/p"),
    ],
)
def test_the_cache_is_where_the_environment_says(environ: dict[str, str], folder: str) -> None:
    assert Settings.from_environment(environ).cache_dir == Path(folder)


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert Settings.from_environment().cache_dir is None
    assert Settings.from_environment({"PROVENANCE_CACHE_DIR": "/p"}).cache_dir == Path("/p")


def test_where_evidence_lies_is_read_from_cosigns_variable() -> None:
    environ = {"COSIGN_REPOSITORY": "registry.example/signatures"}
    found = Settings.from_environment(environ).evidence_repository
    assert found == "registry.example/signatures"
    assert Settings.from_environment({}).evidence_repository == ""


@pytest.mark.parametrize(
    ("said", "forbids"),
    [
        *((yes, True) for yes in ("1", "true", "Yes", "on", "t", "y", " 1 ", "2", "enabled")),
        *((no, False) for no in ("", " ", "0", "false", "No", "off", "F", "n")),
    ],
)
def test_what_is_not_plainly_a_no_forbids_the_network(said: str, *, forbids: bool) -> None:
    assert Settings.from_environment({"PROVENANCE_OFFLINE": said}).offline is forbids
    assert not Settings.from_environment({}).offline
