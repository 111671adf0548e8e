"""Key pairs that cosign put into secrets of Kubernetes and into CI variables of GitLab."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.signing.keys.made_by_cosign import PASSWORD, PRIVATE, PUBLIC

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    Forbidden,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.signing.keys import LocalKey, generate_key_pair, open_key, open_public_key
from provenance.testing.key_services.service import KeyService, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.testing.registry.messages import Request

SETTINGS = Settings(retries=0, timeout=10)
TOKEN = "of-no-account"
SECRET = "/api/v1/namespaces/ns/secrets/release"
VARIABLES = "/api/v4/projects/group/app/variables/"
THE_KEY = PublicKey.parse(PUBLIC)


class Documents(KeyService):
    """Gives documents by their path, to whoever has the token."""

    def __init__(self, documents: dict[str, dict[str, Any]], *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.documents = documents

    def operation(self, request: Request) -> str:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "Unauthorized")
        return request.path

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        if operation not in self.documents:
            raise Refused(404, "NotFound")
        return self.documents[operation]

    def refusal(self, refused: Refused) -> dict[str, Any]:
        return {"message": refused.code}


def _secret() -> dict[str, Any]:
    content = {
        "cosign.key": PRIVATE,
        "cosign.password": PASSWORD.encode(),
        "cosign.pub": PUBLIC,
    }
    data = {name: base64.b64encode(value).decode() for name, value in content.items()}
    return {"kind": "Secret", "apiVersion": "v1", "data": data}


@pytest.fixture
def cluster() -> Iterator[Documents]:
    with Documents({SECRET: _secret()}, tls=True) as service:
        yield service


@pytest.fixture
def gitlab() -> Iterator[Documents]:
    content = {
        "COSIGN_PRIVATE_KEY": PRIVATE.decode(),
        "COSIGN_PASSWORD": PASSWORD,
        "COSIGN_PUBLIC_KEY": PUBLIC.decode(),
    }
    documents = {VARIABLES + k: {"key": k, "value": v} for k, v in content.items()}
    with Documents(documents) as service:
        yield service


def _kubeconfig(service: Documents, folder: Path, **changes: Any) -> dict[str, str]:
    ca = base64.b64encode(service.ca_pem).decode()
    parts: dict[str, Any] = {
        "cluster": {"server": service.url, "certificate-authority-data": ca},
        "user": {"token": TOKEN},
        "context": {"cluster": "c", "user": "u"},
        **changes,
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "other", "context": {}}, {"name": "x", "context": parts["context"]}],
        "clusters": [{"name": "c", "cluster": parts["cluster"]}],
        "users": [{"name": "u", "user": parts["user"]}],
    }
    (folder / "config").write_text(yaml.safe_dump(document))
    return {"KUBECONFIG": str(folder / "config")}


def test_a_secret_of_the_current_context(cluster: Documents, tmp_path: Path) -> None:
    environ = _kubeconfig(cluster, tmp_path)
    key = open_key("k8s://ns/release", settings=SETTINGS, environ=environ)
    assert isinstance(key, LocalKey)
    assert key.public_key == THE_KEY
    found = open_public_key("k8s://ns/release", settings=SETTINGS, environ=environ)
    assert found == key.public_key


def test_its_authority_and_token_may_be_in_files(cluster: Documents, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(cluster.ca_pem)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environ = _kubeconfig(
        cluster,
        tmp_path,
        cluster={"server": cluster.url, "certificate-authority": "ca.pem"},
        user={"tokenFile": "token"},
    )
    assert open_public_key("k8s://ns/release", settings=SETTINGS, environ=environ) == THE_KEY


def test_a_cluster_that_nobody_vouches_for_is_not_believed(
    cluster: Documents, tmp_path: Path
) -> None:
    for described, error in (
        ({"server": cluster.url}, RegistryUnavailable),
        ({"server": cluster.url, "insecure-skip-tls-verify": True}, NotEvaluated),
        ({"server": "http://cluster.example"}, NotEvaluated),
    ):
        environ = _kubeconfig(cluster, tmp_path, cluster=described)
        with pytest.raises(error):
            open_key("k8s://ns/release", settings=SETTINGS, environ=environ)
    assert not cluster.requests


def test_within_a_pod_the_service_account_is_used(
    cluster: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provenance.signing.keys import kubernetes

    monkeypatch.setattr(kubernetes, "_ACCOUNT", tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "ca.crt").write_bytes(cluster.ca_pem)
    host, _, port = cluster.host.partition(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert open_public_key("k8s://ns/release", settings=SETTINGS, environ=environ) == THE_KEY
    # A kubeconfig comes first, as for cosign: it may lead to another cluster.
    content = base64.b64encode(generate_key_pair("").public_key.to_pem()).decode()
    with Documents({SECRET: {"data": {"cosign.pub": content}}}, tls=True) as other:
        also = environ | _kubeconfig(other, tmp_path)
        assert open_public_key("k8s://ns/release", settings=SETTINGS, environ=also) != THE_KEY
        (tmp_path / ".kube").mkdir()
        (tmp_path / "config").rename(tmp_path / ".kube" / "config")
        at_home = environ | {"HOME": str(tmp_path)}
        assert open_public_key("k8s://ns/release", settings=SETTINGS, environ=at_home) != THE_KEY
    gone = environ | {"KUBECONFIG": str(tmp_path / "gone")}
    assert open_public_key("k8s://ns/release", settings=SETTINGS, environ=gone) == THE_KEY


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "aws"}},
        {"client-certificate": "a.pem"},
        {"username": "a", "password": "b"},
        {},
    ],
    ids=["a program", "a certificate", "a password", "nothing"],
)
def test_other_logins_are_named_as_not_done(
    cluster: Documents, tmp_path: Path, user: dict[str, Any]
) -> None:
    environ = _kubeconfig(cluster, tmp_path, user=user)
    with pytest.raises(UnsupportedFormat, match="kubectl get secret"):
        open_key("k8s://ns/release", settings=SETTINGS, environ=environ)


def test_where_no_cluster_is_known_it_says_so(tmp_path: Path) -> None:
    for environ in ({}, {"HOME": str(tmp_path)}, {"KUBECONFIG": str(tmp_path / "none")}):
        with pytest.raises(NotEvaluated, match="no cluster is known"):
            open_key("k8s://ns/release", settings=SETTINGS, environ=environ)
    (tmp_path / "config").write_text("a: [")
    with pytest.raises(MalformedDocument):
        open_key(
            "k8s://ns/release",
            settings=SETTINGS,
            environ={"KUBECONFIG": str(tmp_path / "config")},
        )
    (tmp_path / "config").write_text("current-context: x\n")
    with pytest.raises(NotEvaluated, match="no current context"):
        open_key(
            "k8s://ns/release",
            settings=SETTINGS,
            environ={"KUBECONFIG": str(tmp_path / "config")},
        )
    with pytest.raises(UnsupportedFormat, match="not merged"):
        open_key("k8s://ns/release", settings=SETTINGS, environ={"KUBECONFIG": "/a:/b"})


def test_a_secret_that_is_none_of_cosigns(cluster: Documents, tmp_path: Path) -> None:
    environ = _kubeconfig(cluster, tmp_path)
    with pytest.raises(NotFound):
        open_key("k8s://ns/another", settings=SETTINGS, environ=environ)
    for data, error in (
        ({}, NotFound),
        ({"tls.key": "AAAA"}, NotFound),
        ({"cosign.key": "!"}, NotEvaluated),
        ({"cosign.key": 1}, NotEvaluated),
        (None, NotEvaluated),
    ):
        cluster.documents[SECRET] = {"data": data}
        with pytest.raises(error):
            open_key("k8s://ns/release", settings=SETTINGS, environ=environ)


def test_variables_of_a_project(gitlab: Documents) -> None:
    environ = {"GITLAB_TOKEN": TOKEN, "GITLAB_HOST": gitlab.url}
    key = open_key("gitlab://group/app", settings=SETTINGS, environ=environ)
    assert key.public_key == THE_KEY
    assert open_public_key("gitlab://group/app", settings=SETTINGS, environ=environ) == THE_KEY
    with pytest.raises(NotFound):
        open_key("gitlab://group/other", settings=SETTINGS, environ=environ)


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Unauthorized), (403, Forbidden), (429, RateLimited), (500, RegistryUnavailable)],
)
def test_who_said_no_is_told(gitlab: Documents, status: int, error: type[ProvenanceError]) -> None:
    environ = {"GITLAB_TOKEN": TOKEN, "GITLAB_HOST": gitlab.url}
    gitlab.fail("COSIGN_PRIVATE_KEY", status, "no")
    with pytest.raises(error) as caught:
        open_key("gitlab://group/app", settings=SETTINGS, environ=environ)
    assert TOKEN not in str(caught.value)


def test_without_a_token_nobody_is_asked(gitlab: Documents) -> None:
    with pytest.raises(Unauthorized, match="GITLAB_TOKEN"):
        open_key("gitlab://group/app", settings=SETTINGS, environ={"GITLAB_HOST": gitlab.url})
    assert not gitlab.requests


def test_what_is_no_text_is_no_key(gitlab: Documents) -> None:
    gitlab.documents[f"{VARIABLES}COSIGN_PUBLIC_KEY"] = {"value": None}
    environ = {"GITLAB_TOKEN": TOKEN, "GITLAB_HOST": gitlab.url}
    with pytest.raises(NotEvaluated, match="no text"):
        open_public_key("gitlab://group/app", settings=SETTINGS, environ=environ)
