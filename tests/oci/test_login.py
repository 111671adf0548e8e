from __future__ import annotations

import base64
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.registries import QUICK

from provenance.errors import (
    Forbidden,
    InvalidReference,
    MalformedDocument,
    NotEvaluated,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.oci import credential_files
from provenance.oci.credentials import Credential, find_credential
from provenance.oci.login import login, logout, registry_name
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADA = Credential("ada", "s3cret")
HUB = "https://index.docker.io/v1/"


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Desk:
    """A home, a helper that remembers, and a registry to log in to."""

    def __init__(self, folder: Path, local: LocalRegistry) -> None:
        self.folder, self.local, self.host = folder, local, local.host
        self.docker = folder / ".docker" / "config.json"
        self.podman = folder / "run" / "containers" / "auth.json"
        self.environ = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        }

    def login(self, credential: Credential = ADA, name: str = "", **more: Any) -> str:
        more = {"environ": self.environ, "settings": QUICK, **more}
        return login(name or self.host, credential, **more)

    def logout(self, name: str = "", **more: Any) -> str:
        return logout(name or self.host, environ=self.environ, **more)

    def found(self) -> Credential | None:
        return find_credential(self.host, environ=self.environ)

    def write(self, path: Path, document: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def helper(self, store: str = "", get: str = "") -> None:
        """`docker-credential-vault`, which keeps one secret in a file."""
        kept = self.folder / "vault"
        script = (
            f"#!/bin/sh\nIFS=\nkept='{kept}'\ncase $1 in\nstore) {store or 'cat > $kept'} ;;\n"
            f"get) {get or 'cat $kept'} 2>&1 || {{ echo credentials not found; exit 1; }} ;;\n"
            'erase) cat > "$kept-erased"; rm "$kept" ;;\nesac\n'
        )
        program = self.write(self.folder / "bin" / "docker-credential-vault", script)
        program.chmod(0o755)

    @property
    def vault(self) -> Any:
        kept = self.folder / "vault"
        return json.loads(kept.read_text()) if kept.exists() else None

    def files(self) -> list[str]:
        return sorted(
            str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file()
        )


@pytest.fixture(params=["basic", "bearer"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with LocalRegistry(auth=request.param, username="ada", password="s3cret") as local:
        yield Desk(tmp_path, local)


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(credential_files, "_PER_USER", str(tmp_path / "run-of-{}.json"))
    with LocalRegistry(auth="basic", username="ada", password="s3cret") as local:
        yield Desk(tmp_path, local)


class TestTheRegistryIsAskedFirst:
    def test_what_it_takes_is_kept(self, desk: Desk) -> None:
        assert desk.login() == str(desk.docker)
        assert json.loads(desk.docker.read_bytes()) == {"auths": {desk.host: auth("ada", "s3cret")}}
        found = desk.found()
        assert found is not None
        assert (found.username, found.password) == ("ada", "s3cret")
        asked = [r for r in desk.local.requests if r.path == "/token"]
        assert all("scope" not in r.query for r in asked)

    @pytest.mark.parametrize("user", ["ada", "eve"])
    def test_what_it_refuses_is_not(self, desk: Desk, user: str) -> None:
        with pytest.raises(Unauthorized, match="refused") as refused:
            desk.login(Credential(user, "wr0ng"))
        assert "wr0ng" not in str(refused.value)
        assert desk.files() == []

    @pytest.mark.parametrize(
        ("status", "kind", "message"),
        [
            (403, RegistryUnavailable, "answered 403 to a login"),
            (404, RegistryUnavailable, "answered 404 to a login: check the name"),
            (429, RateLimited, "429"),
            (500, RegistryUnavailable, "answered 500 to a login"),
            (200, NotEvaluated, "cannot tell whether this one is right"),
        ],
    )
    def test_what_it_does_not_answer_is_not(
        self, one: Desk, status: int, kind: type[ProvenanceError], message: str
    ) -> None:
        one.local.fail("/v2/$", status)
        with pytest.raises(kind, match=message):
            one.login()
        assert one.files() == []

    @pytest.mark.parametrize(
        ("status", "kind", "message"),
        [
            (403, Forbidden, "forbids access"),
            (404, RegistryUnavailable, "answered 404 to a login"),
            (429, RateLimited, "429"),
            (503, RegistryUnavailable, "answered 503 to a login"),
        ],
    )
    def test_what_it_does_not_answer_with_the_login_is_not(
        self, one: Desk, status: int, kind: type[ProvenanceError], message: str
    ) -> None:
        one.local.fail("/v2/$", 401, headers={"WWW-Authenticate": "Basic"}, times=1)
        one.local.fail("/v2/$", status)
        with pytest.raises(kind, match=message):
            one.login()
        assert one.files() == []

    def test_a_password_that_an_open_registry_refuses_is_not(self, one: Desk) -> None:
        one.local.fail("/v2/$", 200, times=1)
        with pytest.raises(Unauthorized, match="refused this login"):
            one.login(Credential("ada", "wr0ng"))
        assert one.files() == []

    def test_a_challenge_nobody_can_answer(self, one: Desk) -> None:
        one.local.fail("/v2/$", 401, headers={"WWW-Authenticate": "Negotiate"})
        with pytest.raises(NotEvaluated, match="of a kind that this version does not know"):
            one.login()
        assert one.files() == []

    def test_a_redirect_elsewhere_is_no_answer(self, one: Desk) -> None:
        with LocalRegistry(auth="basic", username="ada", password="s3cret") as other:
            one.local.redirect("/v2/$", f"{other.url}/v2/")
            with pytest.raises(RegistryUnavailable, match="answered 401 to a login"):
                one.login()
            assert all("Authorization" not in r.headers for r in other.requests)
        assert one.files() == []

    def test_a_token_service_inside_is_not_asked(self, one: Desk) -> None:
        challenge = 'Bearer realm="http://169.254.169.254/token"'
        one.local.fail("/v2/$", 401, headers={"WWW-Authenticate": challenge})
        with pytest.raises(Unauthorized, match="private network"):
            one.login()

    def test_it_is_not_asked_where_the_caller_says_so(self, one: Desk) -> None:
        one.login(check=False)
        assert one.local.requests == []
        assert one.found() is not None

    def test_an_identity_token_is_kept_in_place_of_the_password(self, tmp_path: Path) -> None:
        with LocalRegistry(
            auth="bearer", username="ada", password="s3cret", identity_token="1dent1ty"
        ) as local:
            desk = Desk(tmp_path, local)
            desk.login()
            [asked] = [r for r in local.requests if r.path == "/token"]
            assert asked.query["offline_token"] == "true"
            kept = json.loads(desk.docker.read_bytes())["auths"][desk.host]
            # What docker login writes for such a service: the name, no password, the token.
            assert kept == {**auth("ada", ""), "identitytoken": "1dent1ty"}
            desk.login(Credential(identity_token="1dent1ty"))
            kept = json.loads(desk.docker.read_bytes())["auths"][desk.host]
            assert kept == {**auth("<token>", ""), "identitytoken": "1dent1ty"}
            with pytest.raises(Unauthorized, match="token service"):
                desk.login(Credential(identity_token="0ther"))

    @pytest.mark.parametrize("given", [ADA, Credential("ada", identity_token="0ld")])
    def test_a_new_identity_token_takes_the_place_of_the_old(
        self, tmp_path: Path, given: Credential
    ) -> None:
        with LocalRegistry() as local:
            challenge = {"WWW-Authenticate": f'Bearer realm="{local.url}/token"'}
            local.fail("/v2/$", 401, headers=challenge, times=1)
            answer = json.dumps({"token": "t", "refresh_token": "n3w"}).encode()
            local.fail("/token", 200, headers={"Content-Type": "application/json"}, body=answer)
            desk = Desk(tmp_path, local)
            desk.login(given)
        kept = json.loads(desk.docker.read_bytes())["auths"][desk.host]
        assert kept == {**auth("ada", ""), "identitytoken": "n3w"}

    def test_a_registry_of_passwords_takes_no_identity_token(self, one: Desk) -> None:
        with pytest.raises(Unauthorized, match="takes a name and password"):
            one.login(Credential(identity_token="1dent1ty"))


class TestWhereItIsKept:
    def test_the_file_that_is_named(self, one: Desk) -> None:
        file = one.folder / "deep" / "er" / "my.json"
        assert one.login(auth_file=file) == str(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        other = one.folder / "other.json"
        one.environ["REGISTRY_AUTH_FILE"] = str(other)
        assert one.login() == str(other)
        assert json.loads(file.read_bytes()) == json.loads(other.read_bytes())

    @pytest.mark.parametrize(
        ("there", "expected"),
        [
            ((), "docker"),
            (("docker",), "docker"),
            (("podman",), "podman"),
            (("docker", "podman"), "docker"),
        ],
    )
    def test_dockers_file_unless_there_is_only_podmans(
        self, one: Desk, there: tuple[str, ...], expected: str
    ) -> None:
        for name in there:
            one.write(getattr(one, name), {})
        assert one.login() == str(getattr(one, expected))

    def test_the_folder_that_docker_config_names(self, one: Desk) -> None:
        one.write(one.podman, {})
        one.environ["DOCKER_CONFIG"] = str(one.folder / "mine")
        assert one.login() == str(one.folder / "mine" / "config.json")

    def test_nowhere_without_a_home(self, one: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "getuid")
        monkeypatch.setattr(credential_files, "_home", lambda _: None)
        with pytest.raises(NotEvaluated, match="no place to keep a login"):
            one.login(environ={})

    def test_a_new_file_is_the_one_that_docker_writes(self, one: Desk) -> None:
        # Recorded of docker 28.2.2 and skopeo 1.9.3, which write the same bytes.
        one.login(name="registry.example:5000", check=False)
        assert one.docker.read_bytes() == (
            b'{\n\t"auths": {\n\t\t"registry.example:5000": {\n'
            b'\t\t\t"auth": "YWRhOnMzY3JldA=="\n\t\t}\n\t}\n}'
        )

    def test_everything_else_in_the_file_stays(self, one: Desk) -> None:
        before = {
            "HttpHeaders": {"X": "\u00e9\U0001f600"},
            "auths": {"other.example": auth("o", "p"), one.host: {"auth": "b2xk", "email": "x"}},
            "unknown": [1, 2.5, None, {"deep": True}],
        }
        one.write(one.docker, before)
        one.docker.chmod(0o644)
        one.login()
        assert json.loads(one.docker.read_bytes()) == {
            **before,
            "auths": {"other.example": auth("o", "p"), one.host: auth("ada", "s3cret")},
        }
        assert stat.S_IMODE(one.docker.stat().st_mode) == 0o600
        assert one.files() == [".docker/config.json"]

    @pytest.mark.parametrize("exists", [True, False], ids=["to a file", "to nothing yet"])
    def test_a_link_stays_a_link(self, one: Desk, *, exists: bool) -> None:
        target = one.folder / "dotfiles" / "docker.json"
        if exists:
            one.write(target, {"auths": {}})
        one.docker.parent.mkdir()
        one.docker.symlink_to(target)
        one.login()
        assert one.docker.is_symlink()
        assert one.host in json.loads(target.read_bytes())["auths"]

    @pytest.mark.parametrize("text", ["{ not JSON", "[]", '{"auths": 5'])
    def test_a_broken_file_is_left_as_it_is(self, one: Desk, text: str) -> None:
        one.write(one.docker, text)
        with pytest.raises(MalformedDocument, match="is no JSON"):
            one.login()
        assert one.docker.read_text() == text

    def test_a_file_that_cannot_be_written_is_told(self, one: Desk) -> None:
        one.write(one.folder / "file", "")
        with pytest.raises(NotEvaluated, match="cannot be written"):
            one.login(auth_file=one.folder / "file" / "auth.json")

    def test_a_write_that_fails_leaves_nothing_behind(
        self, one: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one.write(one.docker, '{"auths": {}}')

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(NotEvaluated, match="No space left"):
            one.login()
        assert one.docker.read_text() == '{"auths": {}}'
        assert one.files() == [".docker/config.json"]

    @pytest.mark.parametrize("user", ["", "a:b"])
    def test_a_name_that_cannot_be_written(self, one: Desk, user: str) -> None:
        with pytest.raises(MalformedDocument, match="a name with a colon, or none"):
            one.login(Credential(user, "p"), check=False)

    @pytest.mark.parametrize(
        ("file", "name", "key"),
        [
            ("config.json", "docker.io", HUB),
            ("config.json", "https://index.docker.io/v1/", HUB),
            ("auth.json", "docker.io", "docker.io"),
            ("auth.json", "index.docker.io", "docker.io"),
            ("auth.json", "docker.io/org", "docker.io/org"),
            ("auth.json", "https://ghcr.io/", "ghcr.io"),
            ("auth.json", "quay.io/org/app", "quay.io/org/app"),
        ],
    )
    def test_a_registry_has_the_name_its_program_gives_it(
        self, one: Desk, file: str, name: str, key: str
    ) -> None:
        place = one.folder / file
        spellings = {"https://docker.io": {"auth": "b2xk"}, "https://index.docker.io/v1/": {}}
        one.write(place, {"auths": spellings if key in {HUB, "docker.io"} else {}})
        one.login(name=name, auth_file=place, check=False)
        assert json.loads(place.read_bytes())["auths"] == {key: auth("ada", "s3cret")}


class TestHelpers:
    @pytest.mark.parametrize("setting", ["credsStore", "credHelpers"])
    def test_the_one_that_is_configured_keeps_it(self, one: Desk, setting: str) -> None:
        one.helper()
        value: Any = "vault" if setting == "credsStore" else {one.host: "vault"}
        one.write(one.docker, {setting: value, "auths": {"other": {}}})
        assert one.login() == "docker-credential-vault"
        assert one.vault == {"ServerURL": one.host, "Username": "ada", "Secret": "s3cret"}
        # What docker login leaves in its file then: that there is a login, and no secret.
        assert json.loads(one.docker.read_bytes()) == {
            setting: value,
            "auths": {"other": {}, one.host: {}},
        }
        found = one.found()
        assert found is not None
        assert found.source == "docker-credential-vault"
        assert one.logout() == "docker-credential-vault"
        assert (one.folder / "vault-erased").read_text() == one.host
        assert json.loads(one.docker.read_bytes())["auths"] == {"other": {}}
        assert one.logout() == ""

    def test_an_identity_token_has_the_name_that_says_so(self, one: Desk) -> None:
        one.helper()
        one.write(one.docker, {"credsStore": "vault"})
        one.login(Credential("ada", identity_token="1dent1ty"), name="docker.io", check=False)
        assert one.vault == {"ServerURL": HUB, "Username": "<token>", "Secret": "1dent1ty"}
        found = find_credential("docker.io", environ=one.environ)
        assert found is not None
        assert found.identity_token == "1dent1ty"

    @pytest.mark.parametrize(
        ("store", "message"),
        [("exit 7", "failed with status 7"), ("", "did not run")],
        ids=["that fails", "that is not there"],
    )
    def test_one_keeps_nothing(self, one: Desk, store: str, message: str) -> None:
        if store:
            one.helper(store=store)
        one.write(one.docker, '{"credsStore": "vault"}')
        with pytest.raises(NotEvaluated, match=message):
            one.login()
        assert one.docker.read_text() == '{"credsStore": "vault"}'

    def test_it_knows_no_part_of_a_registry(self, one: Desk) -> None:
        one.helper()
        one.write(one.docker, {"credsStore": "vault"})
        with pytest.raises(UnsupportedFormat, match="knows no parts of a registry"):
            one.login(name=f"{one.host}/org")
        assert one.vault is None


class TestLogout:
    def test_the_login_that_would_be_used_is_removed(self, one: Desk) -> None:
        entry = {"auths": {one.host: auth("ada", "s3cret"), f"{one.host}/org": auth("o", "p")}}
        one.write(one.docker, {**entry, "other": 1})
        one.write(one.podman, entry)
        assert one.logout() == str(one.docker)
        assert json.loads(one.docker.read_bytes()) == {
            "auths": {f"{one.host}/org": auth("o", "p")},
            "other": 1,
        }
        found = one.found()
        assert found is not None  # another program's login is another matter
        assert str(one.podman) in found.source
        assert one.logout() == str(one.podman)
        assert one.logout() == ""
        assert one.logout(f"{one.host}/org") == str(one.docker)

    def test_every_spelling_goes(self, one: Desk) -> None:
        spellings = [HUB, "docker.io", "https://registry-1.docker.io"]
        one.write(one.docker, {"auths": {k: auth("ada", "p") for k in spellings}})
        assert one.logout("docker.io") == str(one.docker)
        assert json.loads(one.docker.read_bytes()) == {"auths": {}}

    def test_only_in_the_file_that_is_named(self, one: Desk) -> None:
        one.login()
        assert one.logout(auth_file=one.write(one.folder / "x.json", {})) == ""
        assert one.found() is not None

    def test_a_variable_cannot_be_written(self, one: Desk) -> None:
        inline = json.dumps({"auths": {one.host: auth("ada", "s3cret")}})
        one.environ["DOCKER_AUTH_CONFIG"] = inline
        with pytest.raises(NotEvaluated, match="stands in the variable DOCKER_AUTH_CONFIG"):
            one.logout()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("docker.io", "docker.io"),
        (HUB, "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("quay.io/org/app", "quay.io/org/app"),
    ],
)
def test_names_of_registries(text: str, expected: str) -> None:
    assert registry_name(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alpine",
        "org/app",
        "ghcr.io/org:tag",
        "oci:dir",
        "ghcr.io/../x",
        "a b.io",
        "x.io?y",
        "-",
    ],
)
def test_what_is_no_registry(text: str) -> None:
    with pytest.raises(InvalidReference):
        registry_name(text)
