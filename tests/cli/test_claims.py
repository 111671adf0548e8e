"""`sign` and `attest`, as people type them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.cli.main import main
from provenance.signing.keys import generate_key_pair, write_key_pair
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHO = "release@example.com"

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        status = ended.value.code
        return (status if isinstance(status, int) else -1), out, err

    return call


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def tag(local_registry: LocalRegistry) -> str:
    name = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\n\n"}).push(name)
    return name


@pytest.fixture
def at(sigstore: LocalSigstore, tmp_path: Path) -> tuple[str, ...]:
    """Where to sign."""
    root = sigstore.write_trusted_root(tmp_path / "root.json")
    config = sigstore.write_signing_config(tmp_path / "config.json")
    return ("--trusted-root", str(root), "--signing-config", str(config), "-y")


@pytest.fixture
def keyless(sigstore: LocalSigstore, at: tuple[str, ...]) -> tuple[str, ...]:
    return (*at, "--identity-token", sigstore.token(WHO))


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A key pair, whose password is in the environment."""
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    return write_key_pair(generate_key_pair("secret"), tmp_path / "cosign")


def wrote(out: str) -> list[dict[str, Any]]:
    """What `-o json` says was written, the first layout's first."""
    document = json.loads(out)
    assert document["schema"] == "provenance/stored/v1"
    return [document, *document["also"]]


def test_both_layouts_in_one_go(
    run: Run, tag: str, keyless: tuple[str, ...], sigstore: LocalSigstore
) -> None:
    status, out, _ = run("sign", tag, *keyless, "--layout", "both", "-a", "build=7", "-o", "json")
    assert status == 0
    written = wrote(out)
    digest = str(pv.resolve(tag).digest)
    assert [one["subject"] for one in written] == [digest, digest]
    assert ["tag " in one["placement"] for one in written] == [False, True]
    status, out, _ = run("sign", tag, *keyless, "--layout", "both", "-a", "build=7", "--reuse")
    assert status == 0
    assert sorted(out.split()) == sorted(one["reference"] for one in written)
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    found = pv.verify(tag, who, trust=sigstore.trust, annotations={"build": "7"})
    assert found.signatures


def test_by_a_key_whose_password_is_in_the_environment(
    run: Run, tag: str, at: tuple[str, ...], key: tuple[Path, Path], sigstore: LocalSigstore
) -> None:
    private, public = key
    status, _, err = run("sign", tag, *at, "--key", private)
    assert (status, err) == (0, "")
    assert pv.verify(tag, key=public, trust=sigstore.trust).signatures


def test_what_is_not_logged_is_named_as_danger(
    run: Run, tag: str, key: tuple[Path, Path], sigstore: LocalSigstore, at: tuple[str, ...]
) -> None:
    private, public = key
    assert run("sign", tag, "--key", private, "--unsafe-no-log", "--layout", "both")[0] == 0
    with pytest.raises(pv.VerificationError):
        pv.verify(tag, key=public, trust=sigstore.trust)
    assert pv.verify(tag, key=public, trust=sigstore.trust, unsafe_no_log=True).signatures
    assert run("sign", tag, *at, "--unsafe-no-log")[0] == 2


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_document_under_cosigns_word(
    run: Run,
    tag: str,
    keyless: tuple[str, ...],
    sigstore: LocalSigstore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    from_stdin: bool,
) -> None:
    path = tmp_path / "review"
    path.write_text("looks good")
    if from_stdin:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    predicate = "-" if from_stdin else path
    status, out, _ = run(
        *("attest", tag, *keyless, "--type", "custom", "--predicate", predicate, "-o", "json")
    )
    assert (status, wrote(out)[0]["kind"]) == (0, "custom")
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    (proof,) = pv.verify(tag, who, trust=sigstore.trust, require="custom").attestations
    assert proof.predicate["Data"] == "looks good"


def test_a_whole_index_and_what_of_it_was_stored(
    run: Run, local_registry: LocalRegistry, keyless: tuple[str, ...]
) -> None:
    tag = local_registry.reference("team/multi:1")
    platforms = ("linux/amd64", "linux/arm64")
    build_index([ImageBuilder(platform=p).layer({"a": p.encode()}).build() for p in platforms], tag)
    status, out, _ = run("sign", tag, *keyless, "-r", "-o", "json")
    assert status == 0
    digests = [str(pv.resolve(tag, platform=p).digest) for p in platforms]
    whole = str(pv.resolve(tag).digest)
    assert [one["subject"] for one in wrote(out)] == [whole, *digests]
    local_registry.fail(f"/manifests/{digests[0]}$", 403)
    status, out, err = run("sign", tag, *keyless, "-r", "-o", "json")
    assert status == 3
    assert [one["subject"] for one in wrote(out)] == [whole, digests[1]]
    assert digests[0] in err
    assert "--reuse" in err or "reuse" in err


def test_in_a_repository_for_evidence(
    run: Run,
    tag: str,
    keyless: tuple[str, ...],
    local_registry: LocalRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = local_registry.reference("security/evidence").removesuffix(":latest")
    _, out, _ = run("sign", tag, *keyless, "--evidence-repository", place, "-o", "json")
    assert wrote(out)[0]["reference"].startswith(f"{place}@")
    monkeypatch.setenv("COSIGN_REPOSITORY", place)
    _, out, _ = run("sign", tag, *keyless, "--reuse", "-o", "json")
    assert wrote(out)[0]["reused"] is True


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--layout", "old"), 2, "'old' is not one of"),
        (("-a", "novalue"), 2, "KEY=VALUE"),
        (("--key", "nowhere.key"), 2, "--key signs without an identity"),
    ],
)
def test_what_cannot_be_meant(
    run: Run, tag: str, keyless: tuple[str, ...], arguments: Any, status: int, words: str
) -> None:
    ended, _, err = run("sign", tag, *keyless, *arguments)
    assert ended == status
    assert words in err
