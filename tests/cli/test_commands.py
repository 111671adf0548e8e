from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.cli.main import COMMANDS, main
from provenance.testing import ImageBuilder, LocalRegistry

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
    def call(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        out, err = capsys.readouterr()
        status = ended.value.code
        return Result(status if isinstance(status, int) else -1, out, err)

    return call


@pytest.fixture
def tag(local_registry: LocalRegistry) -> str:
    name: str = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\nL:MIT\n\n"}).config(
        user="app", env=["A=b"], labels={"l": "x"}, command=["sh"]
    ).push(name)
    return name


@pytest.fixture
def files(local_sigstore: LocalSigstore, tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text(local_sigstore.token(WHO))
    return {
        "token": str(token),
        "root": str(local_sigstore.write_trusted_root(tmp_path / "root.json")),
        "config": str(local_sigstore.write_signing_config(tmp_path / "config.json")),
        "issuer": local_sigstore.issuer,
    }


def signing(files: dict[str, str]) -> list[str]:
    return [
        *("--identity-token", files["token"], "--trusted-root", files["root"]),
        *("--signing-config", files["config"], "--yes"),
    ]


def trusting(files: dict[str, str], name: str = WHO) -> list[str]:
    return [
        *("--trusted-root", files["root"], "--certificate-identity", name),
        *("--certificate-oidc-issuer", files["issuer"]),
    ]


def test_an_image_is_looked_at(run: Run, tag: str) -> None:
    digest = str(pv.resolve(tag).digest)
    assert run("resolve", tag).out.strip().endswith(digest)
    found = json.loads(run("resolve", tag, "-o", "json").out)
    assert (found["schema"], found["digest"]) == ("provenance/resolve/v1", digest)
    shown = run("inspect", tag)
    assert shown.status == 0
    assert "linux/amd64" in shown.out
    assert json.loads(run("inspect", tag, "-o", "json").out)["user"] == "app"
    assert run("ls", tag).out == "1.0\n"


def test_an_sbom_is_made_and_shown(run: Run, tag: str, tmp_path: Path) -> None:
    file = tmp_path / "app.spdx.json"
    made = run("sbom", "generate", tag, "-o", "cyclonedx-json", "-o", f"spdx-json={file}")
    assert json.loads(made.out)["bomFormat"] == "CycloneDX"
    assert json.loads(file.read_bytes())["spdxVersion"] == "SPDX-2.3"
    assert "musl" in run("sbom", "show", str(file)).out
    shown = json.loads(run("sbom", "show", str(file), "-o", "json").out)
    assert [p["purl"] for p in shown["packages"]] == ["pkg:apk/alpine/musl@1.2?arch=x86_64"]
    printed = run("sbom", "generate", tag, "-o", "spdx-json").out
    assert printed.encode() == file.read_bytes()


def test_outputs_that_cannot_be_are_told_before_the_work(
    run: Run, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {
        "nonsense": "one of cyclonedx-1.6, ",
        "syft-json": "not written",
        "spdx-json=": "names no file",
        "=a.json": "no format",
        "": "no format",
    }
    for output, why in wrong.items():
        made = run("sbom", "generate", "gone.invalid/a:1", "-o", output)
        assert (made.status, why in made.err) == (2, True), output
    assert "spdx-tag-value, table" in run("sbom", "generate", tag, "-o", "nonsense").err
    twice = run("sbom", "generate", tag, "-o", "spdx=a.json", "-o", "cyclonedx=./a.json")
    assert (twice.status, "one document" in twice.err) == (2, True)
    for output in ("table=t.txt", "spdx-json"):
        several = run("sbom", "generate", tag, "--platform", "all", "-o", output)
        assert several.status == 2
    assert not list(tmp_path.iterdir())


def test_a_file_holds_one_document_by_whatever_name(run: Run, tag: str, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    first = f"spdx-json={tmp_path / 'a.json'}"
    for name in ("link.json", f"../{tmp_path.name}/a.json"):
        twice = run("sbom", "generate", tag, "-o", first, "-o", f"table={tmp_path / name}")
        assert (twice.status, "one document" in twice.err) == (2, True)
    assert not (tmp_path / "a.json").exists()


def test_a_folder_is_no_file_to_write(run: Run, tmp_path: Path) -> None:
    said = run("sbom", "generate", "localhost:1/not/asked", "-o", f"spdx-json={tmp_path}")
    assert (said.status, said.err) == (
        3,
        f"provenance: {tmp_path} is a folder: say which file in it\n",
    )


def test_a_file_that_cannot_be_written_is_named(run: Run, tag: str, tmp_path: Path) -> None:
    for file in (tmp_path / "none" / "a.json", tmp_path):
        made = run("sbom", "generate", tag, "-o", f"spdx-json={file}")
        assert (made.status, str(file) in made.err) == (3, True)


def test_a_table_is_written_as_it_is_printed(run: Run, tag: str, tmp_path: Path) -> None:
    file = tmp_path / "app.txt"
    made = run("sbom", "generate", tag, "-o", "table", "-o", f"table={file}")
    assert file.read_text(encoding="utf-8") == made.out
    assert "musl" in made.out


def test_findings_are_told_once_and_without_what_a_terminal_obeys(run: Run, tmp_path: Path) -> None:
    path = "srv/node_modules/a\x1b[2J\u202e/package.json"
    ImageBuilder().layer({path: b"{"}).push(f"oci:{tmp_path / 'a'}:1")
    made = run("sbom", "generate", f"oci:{tmp_path / 'a'}:1", "-o", "table")
    assert made.err.count("note: ") == 1
    assert "note: " not in made.out
    assert "a\\x1b[2J\\u202e/package.json" in made.err


def test_a_directory_has_no_platforms(run: Run, tmp_path: Path) -> None:
    for platform in ("all", "linux/amd64"):
        outputs = ("-o", f"spdx-json={tmp_path / 'a.json'}")
        made = run("sbom", "generate", f"dir:{tmp_path}", "--platform", platform, *outputs)
        assert (made.status, "a directory is of no platform" in made.err) == (3, True)


def test_signing_attesting_verifying(
    run: Run, tag: str, files: dict[str, str], tmp_path: Path
) -> None:
    assert run("sign", tag, *signing(files)).status == 0
    sbom = tmp_path / "app.cdx.json"
    assert run("sbom", "generate", tag, "-o", f"cyclonedx-json={sbom}").status == 0
    attested = run("attest", tag, *signing(files), "--predicate", str(sbom), "-o", "json")
    assert json.loads(attested.out)["kind"] == "cyclonedx"
    verified = run("verify", tag, *trusting(files), "-o", "json")
    assert verified.status == 0
    (result,) = json.loads(verified.out)["results"]
    assert [p["kind"] for p in result["proofs"]] == ["signature", "cyclonedx"]
    assert WHO in run("verify", tag, *trusting(files)).out
    assert run("verify", tag, *trusting(files), "--type", "sbom").status == 0
    assert run("verify", tag, *trusting(files), "--type", "slsaprovenance").status == 1
    tree = run("tree", tag)
    assert "signature" in tree.out
    assert "cyclonedx" in tree.out
    assert len(json.loads(run("tree", tag, "-o", "json").out)["referrers"]) == 2
    examined = run("examine", tag, *trusting(files))
    assert examined.status == 0
    assert "counts: signed by" in examined.out


def test_statuses_are_no_usage_and_could_not_tell(
    run: Run, tag: str, files: dict[str, str], local_registry: LocalRegistry
) -> None:
    refused = run("verify", tag, *trusting(files))
    assert refused.status == 1
    assert "no signature by" in refused.err
    assert "Traceback" not in refused.err
    assert run("examine", tag, *trusting(files)).status == 1
    assert run("verify", tag, "--trusted-root", files["root"]).status == 2
    assert run("verify", tag, *trusting(files)[:4]).status == 2
    assert run("resolve", "UPPER CASE").status == 2
    assert run("nonsense").status == 2
    missing = run("resolve", local_registry.reference("team/absent:1"))
    assert missing.status == 3
    assert "team/absent:1" in missing.err
    local_registry.fail("/referrers/", 429, headers={"Retry-After": "3600"})
    throttled = run("verify", tag, *trusting(files))
    assert throttled.status == 3
    assert "429" in throttled.err
    both = run("verify", tag, local_registry.reference("team/absent:1"), *trusting(files))
    assert both.status == 3


def test_of_several_images_no_is_worse_than_could_not_tell(
    run: Run, tag: str, files: dict[str, str], local_registry: LocalRegistry
) -> None:
    run("sign", tag, *signing(files))
    other = local_registry.reference("team/unsigned:1")
    ImageBuilder().layer({"a": b"b"}).push(other)
    absent = local_registry.reference("team/absent:1")
    assert run("verify", tag, other, absent, *trusting(files)).status == 1
    assert run("verify", tag, absent, *trusting(files)).status == 3
    assert run("verify", tag, tag, *trusting(files)).status == 0


def test_files_are_attached_and_pulled(run: Run, tag: str, tmp_path: Path) -> None:
    report = tmp_path / "r.sarif"
    report.write_text("{}")
    stored = run("attach", tag, str(report), "--artifact-type", "application/sarif+json")
    out = tmp_path / "out"
    pulled = run("pull", stored.out.strip(), "-o", str(out))
    assert pulled.out.strip() == str(out / "r.sarif")
    assert run("pull", stored.out.strip(), "-o", str(out)).status == 0
    (out / "r.sarif").write_text("mine")
    assert run("pull", stored.out.strip(), "-o", str(out)).status == 3
    assert run("attach", tag, str(report), "--artifact-type", "x/y", "-a", "noequals").status == 2
    assert run("attach", tag, str(report), "--artifact-type", "nonsense").status == 2


def test_debug_shows_the_traceback_and_ends_as_without_it(run: Run, tag: str) -> None:
    done = run("--debug", "resolve", tag.replace("app", "absent"))
    assert done.status == 3
    assert "Traceback" in done.err
    assert "has no manifest 1.0" in done.err


def test_a_registry_on_loopback_that_speaks_https(run: Run, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    with LocalRegistry(tls=True) as registry:
        authority.write_bytes(registry.ca_pem)
        registry.put_image("app:1", ImageBuilder().layer({"a": b"b"}).build())
        name = registry.reference("app:1")
        refused = run("resolve", name)
        assert refused.status == 3
        assert "if it speaks HTTPS, say so" in refused.err
        assert "if it speaks HTTPS" in run("doctor", registry.host, "--connect").out
        options = ("--https", registry.host, "--ca-bundle", str(authority))
        assert run(*options, "resolve", name).out.startswith(f"{registry.host}/app@sha256:")


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"Client sent an HTTP request to an HTTPS server.\n", "if it speaks HTTPS"),
        (b'{"errors":[{"code":"UNSUPPORTED"}]}', "try again later"),
    ],
    ids=["as Go's servers say it", "another 400"],
)
def test_a_400_to_plain_http(
    run: Run, tag: str, local_registry: LocalRegistry, body: bytes, hint: str
) -> None:
    local_registry.fail("/tags/", 400, body=body)
    done = run("ls", tag)
    assert done.status == 3
    assert "answered 400 for the list of tags" in done.err
    assert hint in done.err


@pytest.mark.parametrize("options", [(), ("-o", "json")], ids=["text", "json"])
def test_a_digest_that_is_not_there_is_not_resolved(
    run: Run, tag: str, options: tuple[str, ...]
) -> None:
    there = run("resolve", tag).out.strip()
    assert run("resolve", there, *options).status == 0
    absent = run("resolve", f"{there.partition('@')[0]}@sha256:{'0' * 64}", *options)
    assert (absent.status, absent.out) == (3, "")
    assert "has no manifest sha256:000" in absent.err


def test_inspect_says_what_is_in_the_environment(run: Run, tag: str) -> None:
    assert json.loads(run("inspect", tag, "-o", "json").out)["env"] == ["A=b"]
    assert "A=b" in run("inspect", tag).out


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("a mistake of ours"), PermissionError(errno.EACCES, "closed", "/some/file")],
)
def test_what_nobody_foresaw_is_no_proven_no(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(_: object = None) -> None:
        raise error

    monkeypatch.setattr("provenance.settings.Settings.from_environment", broken)
    done = run("ls", "localhost:1/x")
    assert done.status == 3
    assert f"{type(error).__name__}: {error}" in done.err
    assert "cannot be printed" not in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.status == 0
    assert "Usage: provenance" in shown.out
    assert command in run("--help").out


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from provenance.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'requests', 'sigstore', 'rich', 'cyclonedx', 'spdx_tools', 'oras', 'pandas'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "loaded: []" in done.stdout


def test_a_command_looks_for_no_cycles_as_it_starts_and_ends() -> None:
    code = (
        "from provenance.cli.main import main\n"
        "class Cycle:\n"
        "    def __init__(self): self.itself = self\n"
        "    def __del__(self): print('looked')\n"
        "Cycle()\n"
        "main(['sbom', 'generate', '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert "looked" not in done.stdout


def test_the_demonstration_tells_its_story_and_refuses_every_attack(run: Run) -> None:
    done = run("demo")
    assert done.status == 0, done.out
    for title in ("What is in it", "Who signed it", "What an attacker gets"):
        assert title in done.out
    assert done.out.count("✓") == 6
    assert "✗" not in done.out
    assert 'never "unsigned"' not in done.out


def test_the_demonstration_asks_nothing_of_a_closed_registries_conf(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "registries.conf"
    conf.write_text("[[registry]]\nlocation = '127.0.0.1'\nblocked = true\n this is no TOML")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
    assert run("resolve", "127.0.0.1:1/x").status == 3
    assert run("demo").status == 0


def test_the_demonstration_takes_a_layout(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "layout"
    ImageBuilder().layer({"etc/motd": b"hello"}).push(f"oci:{place}:1.0")
    assert run("demo", str(place)).status == 0
    assert run("demo", f"oci:{place}:1.0").status == 0


@pytest.mark.corpus
def test_the_demonstration_on_a_real_alpine(run: Run, corpus: Path) -> None:
    done = run("demo", str(corpus / "images/alpine/alpine-minirootfs-3.20.3-x86_64.tar.gz"))
    assert done.status == 0, done.out
    assert "14 apk" in done.out


def test_copy_prints_the_copy_and_again_does_nothing(run: Run, tag: str, tmp_path: Path) -> None:
    layout = f"oci:{tmp_path / 'layout'}"
    first = run("copy", tag, f"{layout}:1.0")
    assert (first.status, first.err) == (0, "")
    assert first.out.startswith(f"{layout}@sha256:")
    again = run("copy", f"{layout}:1.0", tag, "-o", "json")
    document = json.loads(again.out)
    assert document["schema"] == "provenance/copy/v1"
    assert document["digest"] in first.out
    assert (document["manifests"], document["bytes"], document["tags"]) == (0, 0, [])
