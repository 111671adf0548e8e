"""`sign-blob` and `verify-blob`, as people type them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from provenance.attestation import ResourceDescriptor, Statement
from provenance.cli.main import main
from provenance.signing.keys import generate_key_pair, write_key_pair

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

WHO = "release@example.com"


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        status = ended.value.code
        return Result(status if isinstance(status, int) else -1, out, err)

    return call


@pytest.fixture
def place(local_sigstore: LocalSigstore, tmp_path: Path) -> Path:
    """A folder with a file, a token, a trust root and where to sign."""
    (tmp_path / "app").write_bytes(b"a release")
    (tmp_path / "token").write_text(local_sigstore.token(WHO) + "\n")
    local_sigstore.write_trusted_root(tmp_path / "root.json")
    local_sigstore.write_signing_config(tmp_path / "config.json")
    return tmp_path


def where(place: Path) -> list[object]:
    return [
        *("--trusted-root", place / "root.json"),
        *("--signing-config", place / "config.json"),
    ]


def signed(run: Run, place: Path, *more: object) -> Path:
    """The bundle's file, signed as WHO unless `more` says otherwise."""
    target = place / "app.sigstore.json"
    who = more or ("--identity-token", place / "token")
    result = run("sign-blob", place / "app", "--bundle", target, *where(place), *who)
    assert (result.status, result.out) == (0, f"{target}\n"), result.err
    return target


def expected(place: Path, sigstore: LocalSigstore) -> list[object]:
    return [
        *("--certificate-identity", WHO),
        *("--certificate-oidc-issuer", sigstore.issuer),
        *("--trusted-root", place / "root.json"),
    ]


def test_a_file_is_signed_and_verified(
    run: Run, place: Path, local_sigstore: LocalSigstore
) -> None:
    bundle, who = signed(run, place), expected(place, local_sigstore)
    result = run("verify-blob", place / "app", "--bundle", bundle, *who)
    assert result.status == 0
    digest = hashlib.sha256(b"a release").hexdigest()
    first = result.out.splitlines()[0]
    assert first == f"sha256:{digest} signed by {WHO} (issuer {local_sigstore.issuer})"
    result = run("verify-blob", f"sha256:{digest}", "--bundle", bundle, *who, "-o", "json")
    document = json.loads(result.out)
    assert document["schema"] == "provenance/verify-blob/v1"
    assert (document["identity"], document["digest"]) == (WHO, f"sha256:{digest}")
    assert document["log_entries"][0]["index"] >= 0


def test_without_a_file_the_bundle_is_the_result(run: Run, place: Path) -> None:
    token = place / "token"
    result = run("sign-blob", place / "app", *where(place), "--identity-token", token, "-y")
    assert result.status == 0
    assert json.loads(result.out)["messageSignature"]
    given = token.read_text().strip()
    assert given not in result.out + result.err
    again = run("sign-blob", place / "app", *where(place), "--identity-token", given)
    assert again.status == 0
    named = token.rename(place / "to.ken.v1")
    assert run("sign-blob", place / "app", *where(place), "--identity-token", named).status == 0
    result = run("sign-blob", place / "app", *where(place), "--identity-token", place / "none")
    assert result.status == 3


def test_standard_input_is_a_file_too(
    run: Run, place: Path, local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Piped:
        buffer = io.BytesIO(b"piped")

    monkeypatch.setattr(sys, "stdin", Piped())
    bundle, token = place / "piped.json", place / "token"
    result = run("sign-blob", "-", "--bundle", bundle, *where(place), "--identity-token", token)
    assert result.status == 0, result.err
    Piped.buffer = io.BytesIO(b"piped")
    who = expected(place, local_sigstore)
    assert run("verify-blob", "-", "--bundle", bundle, *who).status == 0
    assert run("verify-blob", "-", "--bundle", bundle, *who).status == 1  # nothing is left


def test_patterns_are_matched_in_full(run: Run, place: Path, local_sigstore: LocalSigstore) -> None:
    bundle = signed(run, place)

    def verify(pattern: str) -> int:
        return run(
            *("verify-blob", place / "app", "--bundle", bundle),
            *("--certificate-identity-regexp", pattern),
            *("--certificate-oidc-issuer-regexp", r"http://127\.0\.0\.1:\d+"),
            *("--trusted-root", place / "root.json"),
        ).status

    assert verify(r"release@example\.(com|org)") == 0
    assert verify("release") == 1


def test_a_statement_about_a_file_is_shown_with_what_it_says(
    run: Run, place: Path, local_sigstore: LocalSigstore
) -> None:
    subject = ResourceDescriptor("app", {"sha256": hashlib.sha256(b"a release").hexdigest()})
    statement = Statement.build([subject], "https://example.org/review/v1", {"by": ["ann"]})
    bundle = place / "statement.json"
    bundle.write_bytes(local_sigstore.signer(WHO).sign_statement(statement.raw))
    who = expected(place, local_sigstore)
    result = run("verify-blob", place / "app", "--bundle", bundle, *who, "-o", "json")
    document = json.loads(result.out)
    assert document["predicate_type"] == "https://example.org/review/v1"
    assert document["predicate"] == {"by": ["ann"]}
    verify = ("verify-blob", place / "app", "--bundle", bundle, *who, "--type")
    assert run(*verify, "https://example.org/review/v1").status == 0
    assert run(*verify, "any").status == 0
    for wanted in ("signature", "slsaprovenance1", "custom"):
        result = run(*verify, wanted)
        assert (result.status, "the statement is of type" in result.err) == (1, True)
    assert run(*verify, "slsa-provenence").status == 2


def test_what_is_not_so_is_a_proven_no(
    run: Run, place: Path, local_sigstore: LocalSigstore
) -> None:
    bundle, who = signed(run, place), expected(place, local_sigstore)
    (place / "app").write_bytes(b"another")
    result = run("verify-blob", place / "app", "--bundle", bundle, *who)
    assert result.status == 1
    assert "digest" in result.err
    result = run("verify-blob", "sha256:" + "0" * 64, "--bundle", bundle, *who)
    assert result.status == 1


def test_what_cannot_be_told_is_not_a_no(
    run: Run, place: Path, local_sigstore: LocalSigstore
) -> None:
    bundle, who = signed(run, place), expected(place, local_sigstore)
    assert run("verify-blob", place / "none", "--bundle", bundle, *who).status == 3
    assert run("verify-blob", place / "app", "--bundle", place / "none", *who).status == 3
    (place / "broken").write_text("{")
    assert run("verify-blob", place / "app", "--bundle", place / "broken", *who).status == 3
    assert run("verify-blob", "sha256:12", "--bundle", bundle, *who).status == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say who must have signed"),
        (["--certificate-identity", "a"], "--certificate-oidc-issuer"),
        (["--certificate-oidc-issuer", "a"], "--certificate-identity is missing"),
        (
            ["--certificate-identity", "a", "--certificate-oidc-issuer", "b", "--key", "c"],
            "not both",
        ),
        (
            ["--certificate-identity", "a", "--certificate-identity-regexp", "b"],
            "one only",
        ),
        (
            [
                *("--certificate-identity", "a", "--certificate-oidc-issuer", "a"),
                *("--certificate-oidc-issuer-regexp", "b"),
            ],
            "one only",
        ),
        (["--certificate-github-workflow-ref", "a"], "--certificate-identity is missing"),
        (["--certificate-identity-regexp", "(", "--certificate-oidc-issuer", "a"], "expression"),
    ],
)
def test_wrong_usage_of_verify_is_told(
    run: Run, place: Path, arguments: list[str], said: str
) -> None:
    result = run("verify-blob", place / "app", "--bundle", place / "app", *arguments)
    assert result.status == 2
    assert said in " ".join(result.err.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--unsafe-no-log"], "is for keys"),
        (["--key", "k", "--identity-token", "t"], "signs without an identity"),
        (["--key", "k", "--oob"], "signs without an identity"),
    ],
)
def test_wrong_usage_of_sign_is_told(
    run: Run, place: Path, arguments: list[str], said: str
) -> None:
    result = run("sign-blob", place / "app", *where(place), *arguments)
    assert result.status == 2
    assert said in " ".join(result.err.split())


@pytest.mark.parametrize(
    ("missing", "why"),
    [("absent", "absent cannot be read"), ("page.html", "is no JSON")],
)
def test_a_file_that_is_missing_or_another_is_named_and_nothing_is_known(
    run: Run, place: Path, missing: str, why: str
) -> None:
    (place / "page.html").write_text("<html>")
    bundle = signed(run, place, "--identity-token", place / "token")
    file = place / missing
    who = ("--certificate-identity", WHO, "--certificate-oidc-issuer", "https://x.example")
    verify = ("verify-blob", place / "app", "--bundle")
    commands: list[tuple[object, ...]] = [
        (*verify, file, *who, "--trusted-root", place / "root.json"),
        (*verify, bundle, *who, "--trusted-root", file),
        ("sign-blob", place / "app", "--trusted-root", file, *where(place)[2:]),
        ("sign-blob", place / "app", *where(place)[:2], "--signing-config", file),
        ("trust", "show", "--trusted-root", file),
    ]
    if missing == "absent":
        commands += [
            ("sign-blob", file, "--identity-token", place / "token", *where(place)),
            ("trust", "update", "--tuf-url", "http://127.0.0.1:1", "--tuf-root", file),
        ]
    for command in commands:
        result = run(*command)
        assert result.status == 3, command
        assert why in result.err, command
        assert str(file) in result.err, command
    for key in ("sign-blob", *where(place)), (*verify[:1], "--bundle", bundle, *where(place)[:2]):
        result = run(key[0], place / "app", *key[1:], "--key", file)
        assert result.status == 3
        assert str(file) in result.err


def test_where_to_sign_holds_without_a_trust_root_of_ones_own(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is private would be signed, and logged, by the public instance."""
    write_key_pair(generate_key_pair("secret"), place / "cosign")
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    for more in ("--identity-token", place / "token"), ("--key", place / "cosign.key"):
        config = ("--signing-config", place / "config.json")
        result = run("--offline", "sign-blob", place / "app", *config, *more)
        assert result.status == 3  # the public trust root does not believe what is signed there
        assert "says nothing of where to sign" not in result.err


def test_a_key_signs_and_verifies(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = write_key_pair(generate_key_pair("secret"), place / "cosign")
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    bundle = signed(run, place, "--key", private)
    verify = ["verify-blob", place / "app", "--bundle", bundle, "--key", public]
    result = run(*verify, "--trusted-root", place / "root.json")
    assert result.status == 0
    assert "signed by key sha256:" in result.out
    _, other = write_key_pair(generate_key_pair(""), place / "other")
    verify[-1] = other
    assert run(*verify, "--trusted-root", place / "root.json").status == 1


def test_a_signature_outside_every_log_must_be_accepted_by_name(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = write_key_pair(generate_key_pair(""), place / "cosign")
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    target = place / "app.sigstore.json"
    result = run(
        "--offline", "sign-blob", place / "app", "--bundle", target, "--key", private,
        "--unsafe-no-log",
    )  # fmt: skip
    assert result.status == 0, result.err
    verify = ["verify-blob", place / "app", "--bundle", target, "--key", public]
    verify += ["--trusted-root", place / "root.json"]
    assert run(*verify).status == 1
    assert run(*verify, "--insecure-ignore-tlog").status == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_a_link_is_followed_and_a_pipe_written_to(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither replaced: `--bundle /dev/stdout`, as root, took the device away."""
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    write_key_pair(generate_key_pair(""), place / "k")
    given = ("sign-blob", place / "app", "--key", place / "k.key", "--unsafe-no-log")
    (place / "link").symlink_to(place / "real")
    assert run(*given, "--bundle", place / "link").status == 0
    assert (place / "link").is_symlink()
    assert json.loads((place / "real").read_bytes())["messageSignature"]
    os.mkfifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(*given, "--bundle", place / "pipe").status == 0
        assert json.loads(os.read(reader, 65536))["messageSignature"]
    finally:
        os.close(reader)
    assert (place / "pipe").is_fifo()


@pytest.mark.parametrize("nowhere", ["none/app.sigstore.json", "."])
def test_a_place_that_is_none_is_told_before_anything_is_logged(
    run: Run, place: Path, local_sigstore: LocalSigstore, nowhere: str
) -> None:
    token, logged = place / "token", len(local_sigstore.log.bodies)
    result = run(
        *("sign-blob", place / "app", "--bundle", place / nowhere, "--identity-token", token),
        *where(place),
    )
    assert result.status == 3
    assert "cannot be written" in result.err
    assert len(local_sigstore.log.bodies) == logged
