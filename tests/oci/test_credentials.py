from __future__ import annotations

import base64
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.oci import credential_files, credential_helpers
from provenance.oci.credentials import Credential, Keychain, find_credential

if TYPE_CHECKING:
    from collections.abc import Callable

HUB = "https://index.docker.io/v1/"


def pair(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Home:
    """A home folder with what logging in leaves there, and helpers on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.environ = {"HOME": str(folder), "PATH": f"{self.bin}:/usr/bin:/bin"}

    def write(self, path: str, document: Any) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    def docker(self, **document: Any) -> None:
        self.write(".docker/config.json", document)

    def helper(self, name: str, script: str) -> None:
        file = self.bin / f"docker-credential-{name}"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def answering(self, name: str, user: str = "h", secret: str = "s3cret") -> None:
        answer = json.dumps({"ServerURL": "x", "Username": user, "Secret": secret})
        self.helper(name, f"cat > '{self.folder}/asked-{name}'\ncat <<'END'\n{answer}\nEND")

    def asked(self, name: str) -> str | None:
        file = self.folder / f"asked-{name}"
        return file.read_text() if file.exists() else None

    def find(
        self, host: str, given: Any = None, *, repository: str = "", **environ: str
    ) -> Credential | None:
        return find_credential(host, given, {**self.environ, **environ}, repository=repository)

    def user(self, host: str, given: Any = None, *, repository: str = "", **environ: str) -> str:
        found = self.find(host, given, repository=repository, **environ)
        return found.username if found is not None else "(anonymous)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    # Not what podman has for whoever runs the tests.
    monkeypatch.setattr(credential_files, "_PER_USER", str(tmp_path / "run-of-{}" / "auth.json"))
    return Home(tmp_path)


def test_nothing_configured_is_anonymous(home: Home) -> None:
    assert home.find("ghcr.io") is None


def test_the_first_source_that_knows_the_host_answers(home: Home) -> None:
    given = {"ghcr.io": ("caller", "p")}
    explicit = str(home.write("auth.json", {"auths": {"ghcr.io": pair("file", "p")}}))
    inline = json.dumps({"auths": {"ghcr.io": pair("inline", "p")}})
    home.docker(auths={"ghcr.io": pair("docker", "p")})
    home.write("run/containers/auth.json", {"auths": {"ghcr.io": pair("podman", "p")}})
    home.write(".config/containers/auth.json", {"auths": {"ghcr.io": pair("config", "p")}})
    run = str(home.folder / "run")

    def user(given: Any = None, **environ: str) -> str:
        return home.user("ghcr.io", given, XDG_RUNTIME_DIR=run, **environ)

    assert user(given, REGISTRY_AUTH_FILE=explicit, DOCKER_AUTH_CONFIG=inline) == "caller"
    assert user(REGISTRY_AUTH_FILE=explicit, DOCKER_AUTH_CONFIG=inline) == "file"
    assert user(DOCKER_AUTH_CONFIG=inline) == "inline"
    assert user() == "docker"
    (home.folder / ".docker" / "config.json").unlink()
    assert user() == "podman"
    (home.folder / "run" / "containers" / "auth.json").unlink()
    assert user() == "config"


def test_what_a_source_does_not_know_the_next_one_may(home: Home) -> None:
    home.docker(auths={"quay.io": pair("docker", "p")})
    explicit = str(home.write("auth.json", {"auths": {"ghcr.io": pair("file", "p")}}))
    given = {"example.com": ("caller", "p")}
    assert home.user("quay.io", given, REGISTRY_AUTH_FILE=explicit) == "docker"
    assert home.user("ghcr.io", given, REGISTRY_AUTH_FILE=explicit) == "file"


def test_a_caller_may_give_a_function(home: Home) -> None:
    asked: list[str] = []

    def given(host: str) -> Credential | None:
        asked.append(host)
        return Credential("f", "p") if host == "ghcr.io" else None

    assert home.user("ghcr.io", given) == "f"
    assert home.user("quay.io", given) == "(anonymous)"
    assert asked == ["ghcr.io", "quay.io"]


def test_docker_config_names_another_folder(home: Home) -> None:
    home.docker(auths={"ghcr.io": pair("home", "p")})
    home.write("other/config.json", {"auths": {"ghcr.io": pair("other", "p")}})
    assert home.user("ghcr.io", DOCKER_CONFIG=str(home.folder / "other")) == "other"


@pytest.mark.parametrize(
    ("key", "host", "user"),
    [
        ("ghcr.io", "ghcr.io", "u"),
        ("https://ghcr.io", "ghcr.io", "u"),
        ("https://ghcr.io/v1/", "ghcr.io", "u"),
        ("localhost:5000", "localhost:5000", "u"),
        ("GHCR.io", "ghcr.io", "u"),
        ("http://ghcr.io/v2/", "ghcr.io", "u"),
        (HUB, "docker.io", "u"),
        ("docker.io", "docker.io", "u"),
        ("registry-1.docker.io", "docker.io", "u"),
        ("index.docker.io", "docker.io", "u"),
        # A name that is nearly the same is another registry.
        ("ghcr.io", "ghrc.io", "(anonymous)"),
        ("ghcr.io", "ghcr.io.example.com", "(anonymous)"),
        ("ghcr.io", "xghcr.io", "(anonymous)"),
        ("localhost", "localhost:5000", "(anonymous)"),
        (HUB, "index.docker.io.example.com", "(anonymous)"),
        # What is for a part of a registry is not for all of it, however Docker spells hosts.
        ("ghcr.io/org", "ghcr.io", "(anonymous)"),
        ("https://ghcr.io/org", "ghcr.io", "(anonymous)"),
        ("ghcr.io/v1", "ghcr.io", "(anonymous)"),
    ],
)
def test_a_host_is_matched_whole(home: Home, key: str, host: str, user: str) -> None:
    home.docker(auths={key: pair("u", "p")})
    assert home.user(host) == user


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (pair("u", "p:with:colons"), Credential("u", "p:with:colons")),
        ({"auth": base64.b64encode(b"u:p\0\0").decode()}, Credential("u", "p")),
        ({"username": "u", "password": "p"}, Credential("u", "p")),
        ({"auth": pair("u", "p")["auth"], "identitytoken": "t"}, Credential(identity_token="t")),
        ({"registrytoken": "r", "identitytoken": "t"}, Credential(registry_token="r")),
        ({}, None),
        ({"auth": ""}, None),
        ({"auth": 5}, None),
        ("text", None),
    ],
)
def test_entries_of_every_form(home: Home, entry: Any, expected: Credential | None) -> None:
    home.docker(auths={"ghcr.io": entry})
    found = home.find("ghcr.io")
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.username, found.password) == (expected.username, expected.password)
    assert found.identity_token == expected.identity_token
    assert found.registry_token == expected.registry_token
    assert "config.json" in found.source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"auths": {"ghcr.io": {"auth": "s3cret"}}}', "base64 of name:password"),
        ('{"auths": {"ghcr.io": {"auth": "czNjcmV0"}}}', "no colon"),
        ('{"credsStore": "../../s3cret"}', "no name of a credential helper"),
    ],
)
def test_a_broken_file_is_told_and_not_taken_as_anonymous(
    home: Home, text: str, message: str
) -> None:
    home.write(".docker/config.json", text)
    with pytest.raises(MalformedDocument, match=message) as refused:
        home.find("ghcr.io")
    assert "czNjcmV0" not in str(refused.value)


def test_a_file_that_was_named_must_be_there(home: Home) -> None:
    with pytest.raises(NotEvaluated, match=r"gone\.json cannot be read"):
        home.find("ghcr.io", REGISTRY_AUTH_FILE=str(home.folder / "gone.json"))


def test_a_place_that_cannot_be_looked_at_is_told(home: Home) -> None:
    with pytest.raises(NotEvaluated, match="cannot be looked at"):
        home.find("ghcr.io", DOCKER_CONFIG="/" + "x" * 5000)


def test_the_helper_of_a_host_goes_before_the_store_and_the_entries(home: Home) -> None:
    home.answering("mine", "of-host")
    home.answering("all", "of-all")
    home.docker(
        credHelpers={"ghcr.io": "mine"},
        credsStore="all",
        auths={"ghcr.io": pair("entry", "p"), "quay.io": pair("entry", "p")},
    )
    assert home.user("ghcr.io") == "of-host"
    assert home.asked("mine") == "ghcr.io"
    assert home.asked("all") is None
    found = home.find("quay.io")
    assert found == Credential("of-all", "s3cret", source="docker-credential-all")


def test_docker_hub_is_asked_for_by_its_old_name(home: Home) -> None:
    home.answering("all")
    home.docker(credsStore="all")
    assert home.user("docker.io") == "h"
    assert home.asked("all") == HUB


def test_a_helper_may_hold_an_identity_token(home: Home) -> None:
    home.answering("all", "<token>", "t0k")
    home.docker(credsStore="all")
    found = home.find("ghcr.io")
    assert found is not None
    assert (found.username, found.identity_token) == ("", "t0k")


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_a_store_that_knows_no_such_host_leaves_it_to_the_entries(home: Home, stream: str) -> None:
    home.helper("all", f"echo 'credentials not found in native keychain'{stream}\nexit 1")
    home.docker(credsStore="all", auths={"ghcr.io": pair("entry", "p")})
    assert home.user("ghcr.io") == "entry"
    assert home.find("quay.io") is None


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("echo s3cret; echo s3cret >&2; exit 3", NotEvaluated, "failed with status 3"),
        ("echo s3cret", MalformedDocument, "is no JSON"),
        ("echo '[]'", MalformedDocument, "is no JSON object"),
        ("echo '{}'", MalformedDocument, "no Username and Secret"),
        ("""echo '{"Username": "u", "Secret": 5}'""", MalformedDocument, "no Username and Secret"),
        ("exec sleep 30", NotEvaluated, "did not answer within 1 s"),
    ],
)
def test_a_helper_that_fails_is_an_error_that_keeps_its_words(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    kind: type[Exception],
    message: str,
) -> None:
    if "sleep" in script:
        monkeypatch.setattr(credential_helpers, "_SECONDS", 1)
    home.helper("bad", script)
    # CVE-2021-41092: a failing helper must not mean that another source is asked.
    home.docker(credHelpers={"ghcr.io": "bad"}, auths={"ghcr.io": pair("entry", "p")})
    with pytest.raises(kind, match=message) as refused:
        home.find("ghcr.io")
    assert "docker-credential-bad" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_helper_that_is_not_there_is_an_error(home: Home) -> None:
    home.docker(credsStore="gone", auths={"ghcr.io": pair("entry", "p")})
    with pytest.raises(NotEvaluated, match=r"docker-credential-gone did not run"):
        home.find("ghcr.io")


def test_a_secret_is_not_shown(home: Home) -> None:
    home.docker(auths={"ghcr.io": {**pair("u", "s3cret"), "identitytoken": ""}})
    found = home.find("ghcr.io")
    assert found is not None
    assert found.password == "s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("repository", "user"),
    [
        ("org/app", "of-app"),
        ("org/app/web", "of-app"),
        ("org/other", "of-org"),
        ("org/application", "of-org"),
        ("organisation/app", "of-host"),
        ("other", "of-host"),
        ("", "of-host"),
    ],
)
def test_the_longest_path_wins(home: Home, repository: str, user: str) -> None:
    # containers-auth.json(5): my-registry.local/namespace/user/image down to my-registry.local
    users = {"quay.io": "of-host", "quay.io/org": "of-org", "quay.io/org/app": "of-app"}
    home.write(
        ".config/containers/auth.json", {"auths": {k: pair(u, "p") for k, u in users.items()}}
    )
    assert home.user("quay.io", repository=repository) == user
    given = {k: (u, "p") for k, u in users.items()}
    assert home.user("quay.io", given, repository=repository) == user


def test_a_part_of_docker_hub_has_a_login_of_its_own(home: Home) -> None:
    home.docker(auths={HUB: pair("hub", "p"), "docker.io/org": pair("org", "p")})
    assert home.user("docker.io", repository="library/alpine") == "hub"
    assert home.user("docker.io", repository="org/app") == "org"


def test_an_entry_that_says_nothing_leaves_it_to_a_wider_one(home: Home) -> None:
    home.docker(auths={"quay.io": pair("u", "p"), "quay.io/org": {}})
    assert home.user("quay.io", repository="org/app") == "u"


def test_podman_without_a_runtime_folder_has_one_for_each_user(home: Home) -> None:
    home.write(f"run-of-{os.getuid()}/auth.json", {"auths": {"ghcr.io": pair("root", "p")}})
    assert home.user("ghcr.io") == "root"
    assert home.user("ghcr.io", XDG_RUNTIME_DIR=str(home.folder / "run")) == "(anonymous)"


def test_a_user_without_a_home_has_the_other_sources(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", _no_home)
    monkeypatch.delenv("HOME")
    inline = json.dumps({"auths": {"ghcr.io": pair("inline", "p")}})
    assert find_credential("ghcr.io", environ={}) is None
    found = find_credential("ghcr.io", environ={"DOCKER_AUTH_CONFIG": inline})
    assert found is not None
    assert found.username == "inline"


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_helper_that_hangs_ends_with_its_children(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The child inherits the pipes: waiting for their end would wait for the child.
    home.helper("bad", f"sleep 600 &\necho $! > '{home.folder}/child'\nwait")
    home.docker(credsStore="bad")
    told = home.folder / "child"
    told.touch()
    for seconds in (1, 10, 60):  # a busy machine may not have begun it at the first
        monkeypatch.setattr(credential_helpers, "_SECONDS", seconds)
        with pytest.raises(NotEvaluated, match=f"did not answer within {seconds} s"):
            home.find("ghcr.io")
        if told.read_text():
            break
    child = int(told.read_text())
    for _ in range(200):
        if not _is_running(child):
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")


def _is_running(process: int) -> bool:
    """Not gone, nor waiting for the machine's first process to notice that it is."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_what_was_said_is_remembered_until_it_is_to_be_forgotten(home: Home) -> None:
    home.answering("all", "first")
    home.docker(credsStore="all")
    keychain = Keychain(environ=home.environ)
    for repository in ("a", "b"):
        found = keychain.find("ghcr.io", repository)
        assert found is not None
        assert found.username == "first"
        home.answering("all", "second")
    keychain.forget()
    found = keychain.find("ghcr.io")
    assert found is not None
    assert found.username == "second"


class TestPlugins:
    """Packages installed beside this one: built as an installer leaves them."""

    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        def install(body: str) -> None:
            site = tmp_path / "site"
            info = site / "cloud_login-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(
                "Metadata-Version: 2.1\nName: cloud-login\nVersion: 1.0\n"
            )
            (info / "entry_points.txt").write_text(
                "[provenance.credentials]\ncloud = cloud_login:find\n"
            )
            (site / "cloud_login.py").write_text(
                "from provenance.oci.credentials import Credential\n"
                f"from provenance.errors import NotEvaluated\ndef find(host):\n    {body}\n"
            )
            monkeypatch.syspath_prepend(site)
            monkeypatch.delitem(sys.modules, "cloud_login", raising=False)

        return install

    def test_it_is_asked_last(self, home: Home, plugin: Callable[[str], None]) -> None:
        plugin("return Credential(host, 'p') if host.endswith('.example') else None")
        home.docker(auths={"b.example": pair("docker", "p")})
        assert home.user("a.example") == "a.example"
        assert home.user("b.example") == "docker"
        assert home.user("ghcr.io") == "(anonymous)"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("raise ValueError('s3cret')", r"plugin cloud failed for ghcr\.io \(ValueError\)"),
            ("return ('u', 'p')", "plugin cloud answered no Credential"),
            ("raise NotEvaluated('the cloud is away')", "the cloud is away"),
        ],
    )
    def test_its_failure_is_an_error(
        self, home: Home, plugin: Callable[[str], None], body: str, message: str
    ) -> None:
        plugin(body)
        with pytest.raises(NotEvaluated, match=message) as refused:
            home.find("ghcr.io")
        assert "s3cret" not in str(refused.value)
