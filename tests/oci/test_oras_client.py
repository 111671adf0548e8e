"""`Registry.as_oras_client`: oras-py's client, whose every request is ours."""

from __future__ import annotations

import ast
import inspect
import io
import json
import pickle
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oras.auth.base
import oras.auth.token
import oras.client
import oras.container
import oras.defaults
import oras.layout
import oras.oci
import oras.provider
import oras.schemas
import pytest
import requests
from tests.oci.registries import paths

from provenance import errors
from provenance.digests import Digest
from provenance.oci.oras.client import OrasClient
from provenance.oci.oras.login import SessionLogin, account_of
from provenance.oci.registry import Registry
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = Settings(retries=0, timeout=5)
SECRET = "correct-horse"
# It unpacks folders without a filter, of which Python warns since 3.12.
theirs_unpacks = pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter")


@pytest.fixture
def client() -> Iterator[OrasClient]:
    with Registry(settings=QUICK, credentials=lambda _: None) as registry:
        yield registry.as_oras_client()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def target(local_registry: LocalRegistry) -> str:
    return local_registry.reference("org/app:1")


def pushed(client: OrasClient, target: str) -> str:
    """An artifact of a file and a folder; returns its digest."""
    Path("folder/deep").mkdir(parents=True)
    Path("folder/deep/a").write_text("a")
    Path("folder/run").write_text("#!/bin/sh\n")
    Path("folder/run").chmod(0o755)
    Path("notes.txt").write_text("notes")
    response = client.push(target=target, files=["folder", "notes.txt:text/plain"])
    assert response.status_code == 201
    return str(response.headers["Docker-Content-Digest"])


# Every method that sends

PURE = {  # of oras.provider.Registry: compute, or touch what stays in the process
    *("__init__", "__repr__", "__str__", "version", "_validate_path", "_parse_manifest_ref"),
    "_parse_response_errors",
}
FORWARD = {  # call what we override
    *("delete_tags", "logout", "_download_blob", "_put_upload", "_chunked_upload"),
    *("_upload_manifest", "_upload_blob"),
}


def _functions(kind: type[Any]) -> dict[str, Any]:
    return {n: f for n, f in vars(kind).items() if inspect.isfunction(inspect.unwrap(f))}


def test_every_method_of_oras_py_is_ours_or_sends_through_ours() -> None:
    theirs = _functions(oras.provider.Registry)
    ours = {n for k in OrasClient.__mro__ for n in vars(k) if k.__module__.startswith("provenance")}
    assert set(theirs) - ours == (PURE | FORWARD) - ours, "a new method: does it send?"
    for name in (PURE | FORWARD) - {"__init__"}:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(theirs[name]))))
        used = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert not used & {"self.session", "requests.get", "requests.request"}, name
        called = {
            n.func.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        assert not called & set(theirs) - ours - FORWARD - PURE, name
    ours = set(vars(SessionLogin))
    for kind in (oras.auth.base.AuthBackend, oras.auth.token.TokenAuth):
        for name, function in _functions(kind).items():
            if {"session", "subprocess"} & set(inspect.unwrap(function).__code__.co_names):
                assert name in ours | {"_get_auth_from_creds_store"}, name


def test_oras_pys_own_session_sends_nothing(
    client: OrasClient, local_registry: LocalRegistry
) -> None:
    with pytest.raises(errors.UnsupportedFormat, match="neither verify"):
        client.session.get(local_registry.url)
    assert local_registry.requests == []
    assert isinstance(client, oras.client.OrasClient)


# There and back


def test_what_was_pushed_is_pulled(client: OrasClient, target: str) -> None:
    digest = pushed(client, target)
    out = Path("out").resolve()
    assert client.pull(target=target, outdir="out") == [str(out / "folder"), str(out / "notes.txt")]
    assert (out / "folder" / "deep" / "a").read_text() == "a"
    assert (out / "folder" / "run").stat().st_mode & 0o100
    by_digest = client.pull(target=f"{target.rpartition(':')[0]}@{digest}")
    assert Path(by_digest[1]).read_text() == "notes"
    assert client.get_tags(target) == ["1"]
    manifest = client.get_manifest(target)
    assert [layer["mediaType"] for layer in manifest["layers"]] == [
        oras.defaults.default_blob_dir_media_type,
        "text/plain",
    ]
    assert manifest["config"]["mediaType"] == oras.defaults.unknown_config_media_type


@theirs_unpacks
def test_both_ways_with_oras_py_itself(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    theirs = oras.client.OrasClient(insecure=True)
    pushed(client, target)
    theirs.pull(target=target, outdir="theirs")
    assert Path("theirs/folder/deep/a").read_text() == "a"
    assert Path("theirs/notes.txt").read_text() == "notes"
    other = local_registry.reference("org/app:2")
    theirs.push(target=other, files=["folder", "notes.txt"], quiet=True)
    theirs.session.close()
    client.pull(target=other, outdir="ours")
    assert Path("ours/folder/deep/a").read_text() == "a"
    assert Path("ours/notes.txt").read_text() == "notes"


def test_annotations_config_and_media_types_are_as_oras_py_writes_them(
    client: OrasClient, target: str
) -> None:
    Path("conf.json").write_text('{"a": 1}')
    Path("a.txt").write_text("a")
    Path("notes.json").write_text(
        json.dumps(
            {
                "$manifest": {"m": "file", "n": "file"},
                "$config": {"c": "1"},
                "a.txt": {"org.opencontainers.image.title": "b.txt", "x": "y"},
            }
        )
    )
    client.push(
        target=target,
        files=["a.txt"],
        manifest_config="conf.json:application/x.conf+json",
        annotation_file="notes.json",
        manifest_annotations={"m": "argument"},
    )
    manifest = client.get_manifest(target)
    assert manifest["annotations"] == {"m": "argument", "n": "file"}
    assert manifest["config"] == {
        "mediaType": "application/x.conf+json",
        "digest": str(Digest.of(b'{"a": 1}')),
        "size": 8,
        "annotations": {"c": "1"},
    }
    assert manifest["layers"][0]["annotations"] == {
        "org.opencontainers.image.title": "b.txt",
        "x": "y",
    }
    assert [Path(p).name for p in client.pull(target=target, outdir="out")] == ["b.txt"]


def test_files_outside_the_working_directory_are_pushed_only_when_asked(
    client: OrasClient, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "workshop").write_text("x")  # begins like the directory
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(ValueError, match="not below the working directory"):
        client.push(target=target, files=["../workshop"])
    client.push(target=target, files=["../workshop"], disable_path_validation=True)
    assert client.get_tags(target) == ["1"]


@pytest.mark.parametrize("api", ["api", "tag"])
@pytest.mark.parametrize("how", ["from_manifest", "digest", "name"])
def test_a_subject_is_what_the_registry_has_and_becomes_listed(
    client: OrasClient, how: str, api: str
) -> None:
    with LocalRegistry(referrers_api=api == "api") as local:
        base = local.reference("org/app:1")
        digest = pushed(client, base)
        kind = oras.defaults.default_manifest_media_type
        subjects: dict[str, Any] = {
            # oras-py hashes JSON that it wrote anew: another digest than the manifest's.
            "from_manifest": oras.oci.Subject.from_manifest(client.get_manifest(base)),
            "digest": oras.oci.Subject(kind, digest, 1),
            "name": base,
        }
        assert subjects["from_manifest"].digest != digest
        client.push(target=local.reference("org/app:2"), files=["notes.txt"], subject=subjects[how])
        written = client.get_manifest(local.reference("org/app:2"))["subject"]
        size = len(local.manifests["org/app"][digest].data)
        assert written == {"mediaType": kind, "digest": digest, "size": size}
        found = client.repository(base).referrers(Digest(digest))
        assert [d.digest for d in found] == [local.tags["org/app"]["2"]]


def test_a_subject_that_is_not_there_is_refused(client: OrasClient, target: str) -> None:
    pushed(client, target)
    strange = oras.oci.Subject("text/plain", str(Digest.of(b"strange")), 1)
    with pytest.raises(errors.NotFound, match="name the subject by its tag or digest"):
        client.push(target=target, files=["notes.txt"], subject=strange)
    with pytest.raises(errors.UnsupportedFormat, match="in the repository that is pushed to"):
        client.push(target=target, subject=target.replace("org/app", "org/other"))


def test_single_blobs_and_manifests(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    Path("blob").write_bytes(b"0123456789" * 100)
    layer = oras.oci.NewLayer("blob")
    assert not client.blob_exists(layer, target)
    client.chunked_upload("blob", target, layer, chunk_size=300)
    assert [p for p in paths(local_registry) if p.startswith("PATCH")]
    assert client.blob_exists(layer, target)
    assert client.upload_blob("blob", target, layer).status_code == 201
    assert client.put_upload("blob", target, layer).status_code == 201
    assert client.get_blob(target, layer["digest"]).content == Path("blob").read_bytes()
    head = client.get_blob(target, layer["digest"], head=True)
    assert (head.status_code, head.headers["content-length"]) == (200, "1000")
    assert client.download_blob(target, layer["digest"], "deep/copy") == "deep/copy"
    assert Path("deep/copy").read_bytes() == Path("blob").read_bytes()
    client.download_blob(target, str(Digest.of(b"")), "nothing")
    assert Path("nothing").read_bytes() == b""
    manifest = {**oras.oci.NewManifest(), "config": layer, "layers": [layer]}
    response = client.upload_manifest(manifest, client.get_container(target))
    # The bytes that oras-py would have sent, so that others compute the same digest.
    assert response.headers["Docker-Content-Digest"] == Digest.of(json.dumps(manifest).encode())
    assert client.get_manifest(target, validation_schema=oras.schemas.manifest) == manifest
    Path("blob").write_bytes(b"other")
    with pytest.raises(errors.ContentMismatch):
        client.upload_blob("blob", local_registry.reference("org/new:1"), layer)


def test_a_tag_is_deleted_alone(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    digest = pushed(client, target)
    client.upload_manifest(client.get_manifest(target), client.get_container(target[:-1] + "2"))
    local_registry.tags["org/app"]["3"] = digest
    delete: Any = client.delete_tags  # whose default oras-py takes for its annotation
    assert delete(target, ["1", "absent"]) == ["1"]
    assert sorted(client.get_tags(target)) == ["2", "3"]
    assert client.get_tags(target, N=1) == ["2"]


def test_a_layout_of_oras_py_goes_through_it(client: OrasClient, target: str) -> None:
    pushed(client, target)
    layout = oras.layout.NewLayoutFromRegistry("layout", client, target)
    again = target.replace("org/app:1", "org/again:1")
    assert layout.push_to_registry(client, again).status_code == 201
    assert client.get_manifest(again) == client.get_manifest(target)


# Hostile registries


@theirs_unpacks
def test_an_altered_blob_is_refused_where_oras_py_takes_it(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    pushed(client, target)
    digest = str(Digest.of(b"notes"))
    local_registry.tamper(digest, lambda _: b"n0tes")
    theirs = oras.client.OrasClient(insecure=True)
    theirs.pull(target=target, outdir="theirs")
    theirs.session.close()
    assert Path("theirs/notes.txt").read_text() == "n0tes"
    attempts: dict[str, Callable[[], Any]] = {
        "pull": lambda: client.pull(target=target, outdir="out"),
        "get_blob": lambda: client.get_blob(target, digest),
        "stream": lambda: list(client.get_blob(target, digest, stream=True).iter_content(2)),
        "download": lambda: client.download_blob(target, digest, "out/file"),
        "request": lambda: client.do_request(
            f"https://{local_registry.host}/v2/org/app/blobs/{digest}"
        ),
    }
    for name, attempt in attempts.items():
        with pytest.raises(errors.ContentMismatch) as refused:
            attempt()
        assert not isinstance(refused.value, ValueError), name
    assert not Path("out/notes.txt").exists()
    assert not Path("out/file").exists()
    assert not list(Path("out").glob(".pull-*"))


def test_a_blob_cut_short_is_refused(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    pushed(client, target)
    digest = str(Digest.of(b"notes"))
    local_registry.truncate(digest, 2)
    with pytest.raises((errors.ContentMismatch, errors.RegistryUnavailable)):
        client.download_blob(target, digest, "file")
    assert not Path("file").exists()


def test_an_altered_manifest_is_refused_where_oras_py_takes_it(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    digest = pushed(client, target)
    local_registry.tamper(digest, lambda raw: raw.replace(b"notes.txt", b"evil.txt "))
    place = f"{target.rpartition(':')[0]}@{digest}"
    theirs = oras.client.OrasClient(insecure=True)
    title = "org.opencontainers.image.title"
    assert theirs.get_manifest(place)["layers"][1]["annotations"][title] == "evil.txt "
    theirs.session.close()
    copied: Any = oras.layout.NewLayoutFromRegistry
    for attempt in (
        lambda: client.get_manifest(place),
        lambda: client.pull(target=place, outdir="out"),
        lambda: client.do_request(f"http://{local_registry.host}/v2/org/app/manifests/{digest}"),
        lambda: copied("layout", client, place),
    ):
        with pytest.raises(errors.ContentMismatch):
            attempt()
    assert not Path("out").exists()


def test_unpacking_stays_in_the_folder(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    import tarfile

    # oras-py unpacks by media type alone, and compares paths as strings: "out" and "outside".
    for name, kind in (("../outside", tarfile.REGTYPE), ("folder/link", tarfile.SYMTYPE)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc"
            archive.addfile(member)
        Path("blob").write_bytes(out.getvalue())
        layer = oras.oci.NewLayer("blob", is_dir=True)
        layer["annotations"] = {"org.opencontainers.image.title": "folder"}
        client.upload_blob("blob", target, layer)
        manifest = {**oras.oci.NewManifest(), "config": layer, "layers": [layer]}
        client.upload_manifest(manifest, client.get_container(target))
        with pytest.raises(errors.MalformedDocument):
            client.pull(target=target, outdir="out")
    assert sorted(p.name for p in Path().rglob("*")) == ["blob", "out"]


def test_a_tarball_that_is_a_file_is_not_mistaken_by_the_library(
    client: OrasClient, target: str
) -> None:
    import provenance as pv

    theirs = oras.client.OrasClient(insecure=True)
    Path("folder").mkdir()
    theirs.push(target=target, files=["folder"], quiet=True)
    theirs.session.close()
    # Without the annotation it is a file to ORAS, and so to `pull`; oras-py's own client unpacks.
    assert [p.is_file() for p in pv.pull(target, "out")] == [True]
    assert [Path(p).is_dir() for p in client.pull(target=target, outdir="client")] == [True]


@pytest.fixture
def guarded() -> Iterator[LocalRegistry]:
    with LocalRegistry(auth="bearer", username="me", password=SECRET) as local:
        yield local


def _secrets(local: LocalRegistry) -> list[str]:
    return [r.path for r in local.requests if r.headers.get("Authorization")]


def test_a_login_counts_for_its_host_alone(
    client: OrasClient, guarded: LocalRegistry, local_registry: LocalRegistry
) -> None:
    there = set(Path.home().rglob("*.json"))  # of other tests: one home serves them all
    target = guarded.reference("org/app:1")
    Path("notes.txt").write_text("notes")
    with pytest.raises(errors.Unauthorized):
        client.push(target=target, files=["notes.txt"])
    said = client.login("me", SECRET, hostname=guarded.host)
    assert SECRET not in str(said)
    client.push(target=target, files=["notes.txt"])
    assert client.get_tags(target) == ["1"]
    local_registry.fail("/", 401, headers={"WWW-Authenticate": 'Basic realm="me"'})
    with pytest.raises(errors.Unauthorized):
        client.get_tags(local_registry.reference("org/app"))
    assert _secrets(local_registry) == []
    client.logout(guarded.host)
    with pytest.raises(errors.Unauthorized):
        client.get_tags(target)
    assert set(Path.home().rglob("*.json")) <= there, "nothing is written"
    for text in (repr(client), repr(client.auth), repr(client.registry)):
        assert SECRET not in text
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(client)


def test_a_login_is_not_sent_to_a_realm_in_the_clear(
    tmp_path: Path, local_registry: LocalRegistry
) -> None:
    realm = f"{local_registry.url}/token"
    with LocalRegistry(
        tls=True, auth="bearer", username="me", password=SECRET, realm=realm
    ) as guarded:
        (tmp_path / "ca.pem").write_bytes(guarded.ca_pem)
        settings = Settings(retries=0, ca_bundle=tmp_path / "ca.pem", encrypted=(guarded.host,))
        with Registry(settings=settings) as registry:
            client = registry.as_oras_client()
            client.login("me", SECRET, hostname=guarded.host)
            with pytest.raises(errors.Unauthorized, match="not encrypted"):
                client.get_tags(guarded.reference("org/app"))
    assert local_registry.requests == []


def test_credentials_do_not_follow_redirects_and_locations(
    client: OrasClient, guarded: LocalRegistry, local_registry: LocalRegistry
) -> None:
    target = guarded.reference("org/app:1")
    client.login("me", SECRET, hostname=guarded.host)
    Path("notes.txt").write_text("notes")
    client.push(target=target, files=["notes.txt"])
    digest = local_registry.put_blob("org/app", b"notes")
    guarded.redirect(
        "/blobs/sha256", f"{local_registry.url}/v2/org/app/blobs/{digest}", method="GET"
    )
    assert client.get_blob(target, str(digest)).content == b"notes"
    guarded.set_header(
        "/blobs/uploads/", "Location", f"{local_registry.url}/v2/org/app/blobs/uploads/x"
    )
    Path("more.txt").write_text("more")
    with pytest.raises(errors.ProvenanceError):
        client.push(target=target, files=["more.txt"])
    started = client.do_request(f"https://{guarded.host}/v2/org/app/blobs/uploads/", "POST")
    with pytest.raises(errors.RegistryUnavailable, match="sends an upload elsewhere"):
        client._get_location(started, client.get_container(target))
    page = f'<{local_registry.url}/v2/org/app/tags/list?last=x>; rel="next"'
    guarded.set_header("/tags/list", "Link", page)
    with pytest.raises(errors.RegistryUnavailable, match="on another host"):
        client._do_paginated_request(f"https://{guarded.host}/v2/org/app/tags/list", lambda _: True)
    with pytest.raises(errors.ProvenanceError):
        client.get_tags(target)
    assert local_registry.requests
    assert _secrets(local_registry) == []


def test_the_session_s_own_credentials_are_used_without_a_login(guarded: LocalRegistry) -> None:
    with Registry(credentials={guarded.host: ("me", SECRET)}, settings=QUICK) as registry:
        client = registry.as_oras_client(hostname=guarded.host)
        Path("notes.txt").write_text("notes")
        client.push(target="org/app:1", files=["notes.txt"])
        assert client.get_tags("org/app") == ["1"]
        assert client.pull("org/app:1", outdir="out") == [str(Path("out/notes.txt").resolve())]


def test_a_login_is_written_only_to_a_file_that_is_named_and_once_it_is_accepted(
    client: OrasClient, guarded: LocalRegistry
) -> None:
    with pytest.raises(errors.Unauthorized):
        client.login("me", "wrong", hostname=guarded.host, config_path="config.json")
    assert not Path("config.json").exists()
    done = client.login("me", SECRET, hostname=guarded.host, config_path="config.json")
    assert done == {"Status": "Login Succeeded"}
    assert list(json.loads(Path("config.json").read_text())["auths"]) == [guarded.host]
    assert list(Path().iterdir()) == [Path("config.json")]
    Path("notes.txt").write_text("notes")
    client.push(target=guarded.reference("org/app:1"), files=["notes.txt"])


def test_a_file_of_credentials_is_read_when_it_is_named(
    client: OrasClient, guarded: LocalRegistry
) -> None:
    entry = {"username": "me", "password": SECRET}
    Path("config.json").write_text(json.dumps({"auths": {guarded.host: entry}}))
    Path("notes.txt").write_text("notes")
    target = guarded.reference("org/app:1")
    client.push(target=target, files=["notes.txt"], config_path="config.json")
    assert client.get_tags(target) == ["1"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.login("me", SECRET, tls_verify=False), "certificates are always checked"),
        (lambda c: c.login("me", ""), "needs a name and a password"),
        (lambda c: c.login("me", SECRET, hostname="no host"), "image reference"),
        (lambda c: c.login("me", SECRET, hostname="host"), "is no registry"),
        (lambda c: c.auth.set_basic_auth("me", SECRET), "without a host"),
        (lambda c: c.auth.set_token_auth(SECRET), "without its host and scope"),
        (lambda c: c.auth.request_anonymous_token(None, {}), "without its host and scope"),
        (lambda c: c.auth.authenticate_request(None, {})[1] or c.auth.set_token_auth(""), "token"),
        (lambda c: c.set_header("Authorization", SECRET), "not taken as a header"),
        (lambda c: c.do_request("http://127.0.0.1:1/", headers={"cookie": SECRET}), "as a header"),
        (lambda c: c.do_request(f"http://me:{SECRET}@127.0.0.1:1/v2/"), "in a URL"),
        (lambda c: c.do_request("http://127.0.0.1:1/", headers={"Range": "bytes=0-1"}), "a part"),
        (lambda c: c.do_request("http://127.0.0.1:1/", "PUT", data=object()), "is not sent"),
    ],
)
def test_what_could_leak_or_not_be_checked_is_refused(
    client: OrasClient, call: Any, message: str
) -> None:
    with pytest.raises(errors.ProvenanceError, match=message) as refused:
        call(client)
    assert SECRET not in str(refused.value)


# Answers and names


def test_any_request_of_the_api_goes_with_the_login_of_its_registry(
    client: OrasClient, guarded: LocalRegistry
) -> None:
    client.login("me", SECRET, hostname=f"https://{guarded.host}/v2/")
    base = f"https://{guarded.host}/v2/org/app"
    start = client.do_request(f"{base}/blobs/uploads/", "POST")
    assert start.status_code == 202
    where = client._get_location(start, client.get_container(guarded.reference("org/app")))
    digest = Digest.of(b'{"a": 1}')
    done = client.do_request(f"{where}&digest={digest}", "PUT", json={"a": 1})
    assert (done.status_code, done.ok) == (201, True)
    assert client.do_request(f"{base}/blobs/{digest}").json() == {"a": 1}
    missing = client.do_request(f"{base}/manifests/absent")
    assert missing.status_code == 404
    with pytest.raises(requests.HTTPError, match="404"):
        missing.raise_for_status()
    with pytest.raises(errors.NotFound, match="MANIFEST_UNKNOWN"):
        client._check_200_response(missing)
    assert pickle.loads(pickle.dumps(missing)).status_code == 404


def test_bodies_and_headers_are_sent_as_requests_would(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    base = f"https://{local_registry.host}/v2/org/app"
    client.set_header("X-Team", "docs")
    for data in (b"text", "text", io.BytesIO(b"text")):
        started = client.do_request(f"{base}/blobs/uploads/", "POST", headers=client.headers)
        where = client._get_location(started, client.get_container(target))
        done = client.do_request(f"{where}&digest={Digest.of(b'text')}", "PUT", data=data)
        assert done.status_code == 201
    started = client.do_request(f"{base}/blobs/uploads/", "POST")
    where = client._get_location(started, client.get_container(target))
    form = {"a": "1", "b": ["2", "3"]}
    done = client.do_request(f"{where}&digest={Digest.of(b'a=1&b=2&b=3')}", "PUT", data=form)
    assert done.status_code == 201
    assert local_registry.requests[0].headers["X-Team"] == "docs"
    assert client._get_location(done, client.get_container(target))
    assert client._get_location(requests.Response(), client.get_container(target)) == ""


def test_pages_are_read_until_there_is_enough_and_not_without_end(client: OrasClient) -> None:
    with LocalRegistry(page_size=1) as local:
        pushed(client, local.reference("org/app:1"))
        for tag in ("2", "3"):
            local.tags["org/app"][tag] = local.tags["org/app"]["1"]
        url = f"http://{local.host}/v2/org/app/tags/list"
        seen: list[str] = []

        def take(response: requests.Response) -> bool:
            seen.extend(response.json()["tags"])
            return len(seen) < 2

        client._do_paginated_request(url, take)
        assert seen == ["1", "2"]
        client._do_paginated_request(url, lambda r: [*map(seen.append, r.json()["tags"])])
        assert seen == ["1", "2", "1", "2", "3"]
        local.set_header("/tags/list", "Link", f'<{url}>; rel="next"')
        with pytest.raises(errors.LimitExceeded, match="more than 100 pages"):
            client._do_paginated_request(url, lambda _: True)


def test_a_password_is_read_from_standard_input_when_asked(
    client: OrasClient, guarded: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    client.login("me", "", password_stdin=True, hostname=guarded.host)
    Path("notes.txt").write_text("notes")
    client.push(target=guarded.reference("org/app:1"), files=["notes.txt"])


def test_what_cannot_be_pushed_is_told_before_anything_is_sent(
    client: OrasClient, target: str, local_registry: LocalRegistry
) -> None:
    Path("a.txt").write_text("a")
    Path("sub").mkdir()
    Path("sub/a.txt").write_text("b")
    with pytest.raises(errors.MalformedDocument, match="two of the files have the name"):
        client.push(target, files=["a.txt", "sub/a.txt"])
    with pytest.raises(errors.NotFound, match="absent cannot be read"):
        client.push(target, files=["a.txt", "absent"])
    assert local_registry.requests == []
    with pytest.raises(errors.UnsupportedFormat, match="is no file to be replaced"):
        client.download_blob(target, str(Digest.of(b"a")), "/dev/null")
    by_digest = f"{local_registry.host}/org/app@{Digest.of(b'other')}"
    config = {"mediaType": "text/plain", "size": 0, "digest": str(Digest.of(b""))}
    manifest = {**oras.oci.NewManifest(), "config": config}
    with pytest.raises(errors.ContentMismatch, match="the manifest hashes to"):
        client.upload_manifest(manifest, by_digest)
    assert local_registry.requests == []


def test_a_url_that_is_of_no_repository_is_asked_without_credentials(
    client: OrasClient, guarded: LocalRegistry
) -> None:
    client.login("me", SECRET, hostname=guarded.host)
    response = client.do_request(f"{guarded.url}/v2/")
    assert response.status_code == 200 or response.headers["WWW-Authenticate"]
    with pytest.raises(ValueError, match="answered 404"):
        client._check_200_response(client.do_request(f"{guarded.url}/elsewhere"))
    assert _secrets(guarded) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((401, errors.Unauthorized), (403, errors.Forbidden), (404, errors.NotFound)),
        *((429, errors.RateLimited), (500, errors.RegistryUnavailable)),
    ],
)
def test_refusals_are_our_errors_and_value_errors(
    client: OrasClient, target: str, local_registry: LocalRegistry, status: int, kind: type[Any]
) -> None:
    local_registry.fail("/v2/", status)
    digest = str(Digest.of(b"x"))
    for call in (
        lambda: client.get_manifest(target),
        lambda: client.get_tags(target),
        lambda: client.pull(target, outdir="out"),
        lambda: client.download_blob(target, digest, "out/x"),
        lambda: client._check_200_response(client.get_blob(target, digest)),
    ):
        with pytest.raises(kind) as refused:
            call()
        assert isinstance(refused.value, ValueError)
        again = pickle.loads(pickle.dumps(refused.value))
        assert type(again) is kind
        assert str(again) == str(refused.value)


def test_answers_are_capped(target: str, local_registry: LocalRegistry) -> None:
    digest = local_registry.put_blob("org/app", bytes(2000))
    with Registry(settings=QUICK, limits=Limits(files_bytes=1000, blob_bytes=1500)) as registry:
        client = registry.as_oras_client()
        with pytest.raises(errors.LimitExceeded, match="larger than 1000 bytes"):
            client.get_blob(target, digest)
        with pytest.raises(errors.LimitExceeded, match="larger than 1500 bytes"):
            client.download_blob(target, digest, "file")


def test_an_index_is_not_silently_nothing(client: OrasClient, target: str) -> None:
    from provenance.testing import ImageBuilder, build_index

    build_index([ImageBuilder().layer({"a": b"1"}).build()], target)
    with pytest.raises(errors.UnsupportedFormat, match="an index has no files"):
        client.pull(target=target, outdir="out")
    with pytest.raises(errors.UnsupportedFormat, match="was not asked for"):
        client.get_manifest(target, [oras.defaults.default_manifest_media_type])


@pytest.mark.parametrize(
    ("name", "hostname", "uri"),
    [
        ("alpine", None, "docker.io/library/alpine:latest"),
        ("org/app:1", None, "docker.io/org/app:1"),
        ("localhost/x/y", None, "localhost/x/y:latest"),
        ("ghcr.io/org/app", None, "ghcr.io/org/app:latest"),
        ("[::1]:5000/a/b:2", None, "[::1]:5000/a/b:2"),
        ("org/app:1", "ghcr.io", "ghcr.io/org/app:1"),
        ("quay.io/org/app:1", "ghcr.io", "quay.io/org/app:1"),
        (f"ghcr.io/a/b@{Digest.of(b'')}", None, f"ghcr.io/a/b@{Digest.of(b'')}"),
    ],
)
def test_names_mean_what_docker_means_by_them(name: str, hostname: str | None, uri: str) -> None:
    with Registry() as registry:
        client = registry.as_oras_client(hostname)
        container = client.get_container(name)
        assert isinstance(container, oras.container.Container)
        assert container.uri == uri
        assert client.get_container(container).uri == uri


@pytest.mark.parametrize(
    "name", ["ghcr.io/org/app@sha256:zz/../..", "ghcr.io/Org/app", "oci:x", ""]
)
def test_what_is_no_name_is_refused_before_anything_is_sent(client: OrasClient, name: str) -> None:
    for call in (client.get_container, client.get_tags, client.get_manifest, client.pull):
        with pytest.raises(ValueError, match=r"not an image reference|in no registry"):
            call(name)


def test_hosts_as_people_write_them() -> None:
    hub = ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"]
    assert {account_of(host) for host in hub} == {"docker.io"}
    assert account_of("http://localhost:5000/") == "localhost:5000"
    assert account_of(f"https://me:{SECRET}@ghcr.io") == "ghcr.io"
