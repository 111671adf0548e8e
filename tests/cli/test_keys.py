"""`keys generate` and `keys public`: files as cosign has them, passwords that are never shown."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from provenance.cli import keys as commands
from provenance.cli.main import cli
from provenance.errors import NotFound
from provenance.signing.keys import ALGORITHMS, open_key, open_public_key
from provenance.testing import LocalTransit

if TYPE_CHECKING:
    from click.testing import Result


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COSIGN_PASSWORD", raising=False)


def _run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, ["keys", *arguments], env=environ)


def test_a_pair_is_made_and_its_public_half_shown() -> None:
    done = _run("generate", COSIGN_PASSWORD="correct horse")
    assert done.exit_code == 0, done.output
    key = open_key("cosign.key", password="correct horse")
    assert done.stdout.splitlines() == [
        "cosign.key: the private key, encrypted",
        f"cosign.pub: {key.public_key}",
    ]
    pem = Path("cosign.pub").read_text()
    assert _run("public", "cosign.pub").stdout == pem
    assert _run("public", "cosign.key", COSIGN_PASSWORD="correct horse").stdout == pem


def test_prefix_and_algorithm_can_be_chosen() -> None:
    for option in ("--output-prefix", "--output-key-prefix"):
        name = f"with{option}"
        done = _run("generate", option, name, "--algorithm", "ed25519", COSIGN_PASSWORD="")
        assert done.exit_code == 0, done.output
        assert open_public_key(f"{name}.pub").algorithm == "ed25519"


def test_every_algorithm_is_offered() -> None:
    assert commands._ALGORITHMS == ALGORITHMS


def test_nothing_is_overwritten() -> None:
    Path("cosign.key").write_text("mine")
    done = _run("generate", COSIGN_PASSWORD="x")
    assert done.exit_code != 0
    assert "cosign.key is there already" in str(done.exception)
    assert Path("cosign.key").read_text() == "mine"


def test_without_a_terminal_the_variable_is_asked_for() -> None:
    done = _run("generate")
    assert done.exit_code == 2
    assert "COSIGN_PASSWORD" in done.output
    assert not Path("cosign.key").exists()


def test_the_public_half_of_a_key_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalTransit() as vault:
        vault.create_key("release")
        done = _run("public", "hashivault://release", **vault.environ)
        found = open_public_key("hashivault://release", environ=vault.environ)
        assert done.stdout.encode() == found.to_pem()


def test_a_key_of_openssl_can_be_taken() -> None:
    options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    subprocess.run(["openssl", "genpkey", *options, "-out", "a.pem"], check=True)
    done = _run("generate", "--from", "a.pem", COSIGN_PASSWORD="new")
    assert done.exit_code == 0, done.output
    public = open_key("a.pem").public_key
    assert open_key("cosign.key", password="new").public_key == public
    assert open_public_key("cosign.pub") == public


def test_a_key_to_take_that_is_not_there_is_named_and_no_endless_one_is_read() -> None:
    for source in ("absent.pem", "/dev/zero"):
        done = _run("generate", "--from", source, COSIGN_PASSWORD="new")
        assert isinstance(done.exception, NotFound)
        assert source in str(done.exception)
        assert not Path("cosign.key").exists()


def test_a_key_can_be_given_another_password() -> None:
    _run("generate", "--output-prefix", "old", COSIGN_PASSWORD="old")
    shown, status = _at_a_terminal(["generate", "--from", "old.key"], ["old", "new", "new"])
    assert status == 0, shown
    public = open_public_key("old.pub")
    assert open_key("cosign.key", password="new").public_key == public


def test_a_password_is_never_tried_as_a_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "of a file")
    assert commands.secret_of("cosign.key")() == "of a file"
    with pytest.raises(click.UsageError, match="COSIGN_PKCS11_PIN"):
        commands.secret_of("pkcs11:token=t;object=o")()


def test_what_is_no_key_is_said_to_be_what_it_is() -> None:
    Path("a.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "this is a certificate" in str(_run("public", "a.pem").exception)


def test_a_wrong_password_is_an_error_that_does_not_show_it() -> None:
    _run("generate", COSIGN_PASSWORD="right")
    done = _run("public", "cosign.key", COSIGN_PASSWORD="hunter2")
    assert done.exit_code != 0
    assert "does not open" in str(done.exception)
    assert "hunter2" not in f"{done.output}{done.exception}"


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown() -> None:
    shown, status = _at_a_terminal(["generate"], ["s3cret", "s3cret"])
    assert status == 0, shown
    assert "s3cret" not in shown
    assert open_key("cosign.key", password="s3cret").sign(b"data")
    assert stat.S_IMODE(Path("cosign.key").stat().st_mode) == 0o600
    shown, status = _at_a_terminal(["public", "cosign.key"], ["s3cret"])
    assert status == 0, shown
    assert "BEGIN PUBLIC KEY" in shown
    assert "s3cret" not in shown


def test_two_passwords_that_differ_are_asked_for_again() -> None:
    shown, status = _at_a_terminal(["generate"], ["one", "two", "three", "three"])
    assert status == 0, shown
    assert open_key("cosign.key", password="three").sign(b"data")


def _at_a_terminal(arguments: list[str], answers: list[str]) -> tuple[str, int]:
    """What the command shows on a terminal on which `answers` are typed in."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "provenance", "keys", *arguments]
    environ = {k: v for k, v in os.environ.items() if k != "COSIGN_PASSWORD"}
    shown, part = b"", b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as done:
        os.close(theirs)
        for answer in [*answers, None]:
            while select.select([ours], [], [], 60)[0]:
                try:
                    part = os.read(ours, 4096)
                except OSError:  # the other end is closed: it has ended
                    part = b""
                shown += part
                if not part or shown.rstrip(b" ").endswith(b":"):
                    break
            if answer is None or not part:
                break
            shown += b"\n"
            os.write(ours, answer.encode() + b"\n")
        done.wait(60)
    os.close(ours)
    return shown.decode(), done.returncode
