from __future__ import annotations

import datetime as dt
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import main
from provenance.testing import LocalRegistry
from provenance.testing.registry.tls import server_context

Run = Callable[..., "Result"]


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        out, err = capsys.readouterr()
        status = ended.value.code
        return Result(status if isinstance(status, int) else -1, out, err)

    return call


@pytest.fixture
def guarded() -> Iterator[LocalRegistry]:
    with LocalRegistry(
        auth="bearer", username="ada", password="s3cret", identity_token="1dent1ty"
    ) as local:
        yield local


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "config.json"


def test_in_and_out(run: Run, guarded: LocalRegistry, docker: Path) -> None:
    host = guarded.host
    arguments = ("login", host, "-u", "ada", "--password-stdin")
    refused = run(*arguments, stdin=b"wr0ng\n")
    assert refused.status == 3
    assert "wr0ng" not in refused.err + refused.out
    assert not docker.exists()
    done = run(*arguments, stdin=b"s3cret\r\n")
    assert (done.status, done.out) == (0, f"{host}: logged in, kept in {docker}\n")
    assert run("ls", f"{host}/org/app").status == 3
    assert " 401" not in run("ls", f"{host}/org/app").err  # a port may hold the digits
    assert run("logout", host).out == f"{host}: removed from {docker}\n"
    assert run("logout", host).out == f"{host}: was not logged in\n"
    done = run("login", host, "--identity-token-stdin", stdin=b"1dent1ty")
    assert done.status == 0
    assert json.loads(docker.read_bytes())["auths"][host]["identitytoken"] == "1dent1ty"
    run("login", host, "-u", "x", "--password-stdin", "--unchecked", stdin=b"p")
    other = docker.parent / "other.json"
    run("login", host, "-u", "ada", "--password-stdin", "--auth-file", str(other), stdin=b"s3cret")
    assert host in json.loads(other.read_bytes())["auths"]
    assert run("logout", host, "--auth-file", str(other)).status == 0
    assert json.loads(other.read_bytes())["auths"] == {}


def test_a_login_that_is_left_is_told(
    run: Run, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"auths": {"ghcr.io": {"auth": "dTpw"}}}
    podman = docker.parent / "run" / "containers" / "auth.json"
    podman.parent.mkdir(parents=True)
    for file in (docker, podman):
        file.write_text(json.dumps(entry))
    assert f"ghcr.io: still known to {podman} (ghcr.io)" in run("logout", "ghcr.io").out


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("--password-stdin",), b"p", "--password-stdin needs --username"),
        (("-u", "ada", "--password-stdin", "--identity-token-stdin"), b"p", "not both"),
        (("-u", "ada"), b"", "no terminal to ask on"),
        ((), b"", "no terminal to ask on"),
        (("-u", "ada", "--password-stdin"), b"", "holds no secret"),
        (("-u", "ada", "--password-stdin"), b"\n", "holds no secret"),
        (("-u", "ada", "--password-stdin"), b"\xff", "no UTF-8 text"),
        (("-u", "ada", "--password-stdin"), b"x" * 70_000, "more than 65536 bytes"),
        (("-u", "ada", "--password", "x"), b"", "No such option"),
    ],
)
def test_wrong_usage(
    run: Run, docker: Path, arguments: tuple[str, ...], stdin: bytes, message: str
) -> None:
    done = run("login", "ghcr.io", *arguments, stdin=stdin)
    assert done.status == 2
    assert message in done.err
    assert not docker.exists()
    assert run("login", "alpine", "-u", "ada", "--password-stdin", stdin=b"p").status == 2


def test_a_terminal_is_asked_and_shows_no_password(guarded: LocalRegistry, docker: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "provenance", "login", guarded.host],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb"},
        ) as process:
            shown = b""
            for question, answer in ((b"Username", b"ada\n"), (b"Password", b"s3cret\n")):
                while question not in shown:
                    shown += os.read(ours, 1000)
                os.write(ours, answer)
            assert process.stdout is not None
            out = process.stdout.read()
            assert process.wait() == 0
    finally:
        os.close(ours)
        os.close(theirs)
    assert out.decode() == f"{guarded.host}: logged in, kept in {docker}\n"
    assert b"s3cret" not in shown
    assert docker.exists()


class TestDoctor:
    def sections(self, run: Run, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        done = run("doctor", *arguments, "-o", "json")
        document = json.loads(done.out)
        assert document["schema"] == "provenance/doctor/v1"
        assert document["ok"] is (done.status == 0)
        return done.status, {
            title: {fact["name"]: fact for fact in facts}
            for title, facts in document["sections"].items()
        }

    def test_all_in_order(self, run: Run, docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # However old the sources are: what is shipped is of use for half a year.
        yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
        monkeypatch.setattr("provenance.trust.instances._SHIPPED_ON", yesterday)
        docker.write_text(json.dumps({"auths": {"ghcr.io": {"auth": "dTpzM2NyZXQ="}}}))
        done = run("doctor", "ghcr.io", "alpine")
        assert done.status == 0
        assert "all is in order" in done.out
        status, found = self.sections(run, "ghcr.io", "alpine", "localhost:5000")
        assert status == 0
        assert found["ghcr.io"]["credential"]["value"] == "a name and password"
        assert found["ghcr.io"]["credential"]["origin"] == f"{docker} (ghcr.io)"
        assert found["docker.io/library/alpine"]["address"]["value"] == (
            "https://registry-1.docker.io"
        )
        assert found["localhost:5000"]["address"]["origin"] == "plain HTTP"
        assert found["credentials"][str(docker)]["value"] == "logins: 1"
        assert found["trust"]["without network"]["value"].startswith(f"shipped, of {yesterday}")
        assert "s3cret" not in done.out
        assert "dTpzM2NyZXQ" not in done.out

    @pytest.mark.parametrize(
        ("environ", "section", "name", "value", "origin"),
        [
            ({"PROVENANCE_OFFLINE": "1"}, "settings", "offline", "True", "PROVENANCE_OFFLINE"),
            ({"no_proxy": "a.test"}, "settings", "no_proxy", "a.test", "no_proxy"),
            (
                {"HTTPS_PROXY": "http://u:s3cret@proxy.test:3128"},
                *("network", "proxy for https", "http://proxy.test:3128", "HTTPS_PROXY"),
            ),
            (
                {"http_proxy": "u:s3cret@proxy.test:3128"},
                *("network", "proxy for http", "http://proxy.test:3128", "http_proxy"),
            ),
        ],
    )
    def test_what_gave_a_setting(
        self,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        environ: dict[str, str],
        section: str,
        name: str,
        value: str,
        origin: str,
    ) -> None:
        for variable, text in environ.items():
            monkeypatch.setenv(variable, text)
        _, found = self.sections(run)
        fact = found[section][name]
        assert (fact["value"], fact["origin"]) == (value, origin)
        assert found["settings"]["timeout"]["origin"] == "default"
        assert "s3cret" not in json.dumps(found)

    def test_authorities(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        bundle = tmp_path / "ca.pem"
        _, pem = server_context()
        bundle.write_bytes(pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        status, found = self.sections(run)
        fact = found["network"]["ca_bundle"]
        assert (status, fact["value"]) == (0, f"{bundle} (certificates: 1)")
        assert fact["origin"] == "SSL_CERT_FILE"
        folder = tmp_path / "hashed"
        folder.mkdir()
        (folder / "0a1b2c3d.0").write_bytes(pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(folder))
        _, found = self.sections(run)
        assert found["network"]["ca_bundle"]["value"] == f"{folder} (certificates: 1)"
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        for text, message in (("", "holds no certificates"), (None, "cannot be read")):
            bundle.write_text(text) if text is not None else bundle.unlink()
            status, found = self.sections(run)
            assert status == 3
            assert message in found["network"]["ca_bundle"]["value"]

    def test_what_cannot_be_used_is_wrong(
        self, run: Run, docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        docker.write_text(json.dumps({"credHelpers": {"ghcr.io": "gone"}, "credsStore": "away"}))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", "{s3cret")
        monkeypatch.setenv("PROVENANCE_CACHE_DIR", "/proc/provenance")
        own = Path(os.environ["HOME"]) / ".config" / "containers" / "certs.d" / "ghcr.io"
        own.mkdir(parents=True)
        try:
            (own / "client.cert").write_text("")
            status, found = self.sections(run, "ghcr.io")
            shown = run("doctor", "ghcr.io").out
        finally:
            shutil.rmtree(own.parent)
        assert status == 3
        wrong = {
            name: fact["value"]
            for facts in found.values()
            for name, fact in facts.items()
            if not fact["ok"]
        }
        assert set(wrong) == {
            *(str(tmp_path / "missing.json"), "DOCKER_AUTH_CONFIG", "docker-credential-gone"),
            *("docker-credential-away", "cache_dir", "credential", "certificates"),
        }
        assert wrong["docker-credential-gone"] == "for ghcr.io: not on the PATH"
        assert wrong["docker-credential-away"] == "for every host: not on the PATH"
        assert "no client.key beside it" in wrong["certificates"]
        assert "s3cret" not in json.dumps(found)
        assert f"{len(wrong)} not in order" in shown

    def test_mirrors(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        conf = tmp_path / "registries.conf"
        conf.write_text(
            '[[registry]]\nlocation = "ghcr.io"\n'
            '[[registry.mirror]]\nlocation = "mirror.example/ghcr"\n'
            '[[registry]]\nlocation = "bad.example"\nblocked = true\n'
        )
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
        status, found = self.sections(run, "ghcr.io/org/app", "ghcr.io", "bad.example", "quay.io")
        assert status == 0
        assert found["mirrors"][str(conf)]["value"] == "ghcr.io, bad.example"
        read = {name: found[name]["read from"]["value"] for name in list(found)[-4:]}
        assert read["ghcr.io/org/app"] == "mirror.example/ghcr/org/app, ghcr.io/org/app"
        assert read["ghcr.io"] == "mirror.example/ghcr, ghcr.io"
        assert "is blocked by" in read["bad.example"]
        assert read["quay.io"] == "quay.io"
        conf.write_text("[[registry")
        status, found = self.sections(run, "ghcr.io")
        assert status == 3
        assert not found["mirrors"][str(conf)]["ok"]
        assert not found["ghcr.io"]["read from"]["ok"]

    def test_nothing_is_sent_unless_asked(
        self, run: Run, guarded: LocalRegistry, docker: Path
    ) -> None:
        entry = {"username": "ada", "password": "s3cret"}
        docker.write_text(json.dumps({"auths": {guarded.host: entry}}))
        run("doctor", guarded.host)
        assert guarded.requests == []
        status, found = self.sections(run, guarded.host, "--connect")
        assert (status, found[guarded.host]["answer"]["value"]) == (0, "takes the credential")
        docker.write_text(json.dumps({"auths": {guarded.host: {**entry, "password": "old"}}}))
        status, found = self.sections(run, guarded.host, "--connect")
        assert status == 3
        assert "refused (401)" in found[guarded.host]["answer"]["value"]
        docker.unlink()
        status, found = self.sections(run, guarded.host, "--connect")
        assert (status, found[guarded.host]["answer"]["value"]) == (0, "401")


@pytest.mark.parametrize(
    ("shell", "arguments"),
    [("bash", ("-n",)), ("zsh", ("-n",)), ("fish", ("--no-execute",))],
)
def test_completion_is_a_script_of_its_shell(
    run: Run, tmp_path: Path, shell: str, arguments: tuple[str, ...]
) -> None:
    done = run("completion", shell)
    assert done.status == 0
    assert "_PROVENANCE_COMPLETE" in done.out
    if program := shutil.which(shell):
        file = tmp_path / "script"
        file.write_text(done.out)
        subprocess.run([program, *arguments, file], check=True, capture_output=True)


def test_completion_completes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "provenance"],
        env={
            **os.environ,
            "_PROVENANCE_COMPLETE": "bash_complete",
            "COMP_WORDS": "provenance lo",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["plain,login", "plain,logout"]


def test_another_shell_is_wrong_usage(run: Run) -> None:
    assert run("completion", "tcsh").status == 2
