"""Key pairs in secrets of Kubernetes, where cosign puts them: one request, over our transport.

Found are the current context of a kubeconfig that logs in with a token and, where there is none,
the cluster that this process runs in: in this order, which is cosign's and kubectl's, so that all
mean the same cluster.

Source: Kubernetes, "Accessing the API from within a Pod" and "Organizing Cluster Access Using
kubeconfig Files"; cosign `pkg/cosign/kubernetes`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, NotEvaluated, UnsupportedFormat
from provenance.signing.keys.services import ask_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.settings import Settings
    from provenance.signing.keys.references import KubernetesKey

__all__ = ["read_secret"]

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MAX = 1 << 20  # of a kubeconfig
_BY_HAND = (
    'kubectl get secret NAME -n NAMESPACE -o go-template=\'{{index .data "cosign.key" | '
    "base64decode}}', put into a variable, is read by env://VARIABLE"
)


@dataclass(frozen=True, slots=True)
class _Cluster:
    server: str
    token: str = field(repr=False)
    authority: Path | bytes | None = None
    """Where its authorities are, or they themselves (PEM)."""


def read_secret(
    reference: KubernetesKey, settings: Settings, environ: Mapping[str, str]
) -> dict[str, bytes]:
    """What is in a secret.

    Raises:
        NotEvaluated: no cluster is known, or its description cannot be read.
        UnsupportedFormat: the kubeconfig logs in by a program, a certificate or a password.
        NotFound, Unauthorized, Forbidden, RateLimited, RegistryUnavailable: it was not given.
    """
    from provenance.transport.client import Client

    own = None if _is_configured(environ) else _own_cluster(environ)
    cluster = own or _configured(environ)
    url = f"{cluster.server}/api/v1/namespaces/{reference.namespace}/secrets/{reference.name}"
    with _trusting(cluster, settings) as its, Client(its) as client:
        data = ask_json(client, "GET", url, secret=cluster.token).get("data")
    if not isinstance(data, dict):
        raise NotEvaluated(f"{reference} is empty", hint="was it made by cosign?")
    try:
        return {str(name): base64.b64decode(value, validate=True) for name, value in data.items()}
    except (binascii.Error, ValueError, TypeError) as error:
        raise NotEvaluated(f"{reference} is no secret in base64", hint=_BY_HAND) from error


def _is_configured(environ: Mapping[str, str]) -> bool:
    """Whether there is a kubeconfig. As for client-go, a file that is not there is none."""
    home = environ.get("HOME")
    default = [str(Path(home) / ".kube" / "config")] if home else []
    named = [part for part in environ.get("KUBECONFIG", "").split(":") if part]
    return any(os.path.lexists(path) for path in named or default)


def _own_cluster(environ: Mapping[str, str]) -> _Cluster | None:
    host = environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        return None
    host = f"[{host}]" if ":" in host else host
    port = environ.get("KUBERNETES_SERVICE_PORT") or "443"
    try:
        token = (_ACCOUNT / "token").read_text().strip()
    except (OSError, ValueError):
        return None
    return _Cluster(f"https://{host}:{port}", token, _ACCOUNT / "ca.crt")


def _configured(environ: Mapping[str, str]) -> _Cluster:
    path = _kubeconfig(environ)
    document = _read(path)
    context = _named(document, "contexts", document.get("current-context"), "context", path)
    cluster = _named(document, "clusters", context.get("cluster"), "cluster", path)
    user = _named(document, "users", context.get("user"), "user", path)
    server = cluster.get("server")
    if not isinstance(server, str) or cluster.get("insecure-skip-tls-verify"):
        raise NotEvaluated(f"{path} names no server, or one that is not checked", hint=_BY_HAND)
    return _Cluster(server.rstrip("/"), _token(user, path), _authority(cluster, path))


def _kubeconfig(environ: Mapping[str, str]) -> Path:
    named = [part for part in environ.get("KUBECONFIG", "").split(":") if part]
    if len(named) > 1:
        raise UnsupportedFormat("several kubeconfig files are not merged", hint="name one")
    home = environ.get("HOME")
    if not named and not home:
        raise NotEvaluated("no cluster is known", hint="set KUBECONFIG")
    return Path(named[0]) if named else Path(str(home)) / ".kube" / "config"


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        raw = path.read_bytes()
        if len(raw) > _MAX:
            raise NotEvaluated(f"{path} is larger than {_MAX} bytes", hint="name another")
        document = yaml.safe_load(raw)
    except OSError as error:
        raise NotEvaluated(
            f"no cluster is known: {path} cannot be read ({error.strerror})", hint="set KUBECONFIG"
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MalformedDocument(f"{path} is no YAML", hint=_BY_HAND) from error
    return document if isinstance(document, dict) else {}


def _named(
    document: dict[str, Any], section: str, name: object, kind: str, path: Path
) -> dict[str, Any]:
    entries = document.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and name:
            found = entry.get(kind)
            if isinstance(found, dict):
                return found
    raise NotEvaluated(f"{path} has no current {kind}", hint="kubectl config use-context NAME")


def _token(user: dict[str, Any], path: Path) -> str:
    if isinstance(token := user.get("token"), str) and token:
        return token
    if isinstance(file := user.get("tokenFile"), str):
        try:
            return (path.parent / file).read_text().strip()
        except (OSError, ValueError) as error:
            raise NotEvaluated("the token file of the kubeconfig cannot be read") from error
    raise UnsupportedFormat(
        f"{path} logs in by a program, a certificate or a password, which is not done here",
        hint=_BY_HAND,
    )


def _authority(cluster: dict[str, Any], path: Path) -> Path | bytes | None:
    if isinstance(data := cluster.get("certificate-authority-data"), str):
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise MalformedDocument(f"{path}: certificate-authority-data is no base64") from error
    if isinstance(file := cluster.get("certificate-authority"), str):
        return path.parent / file
    return None


@contextmanager
def _trusting(cluster: _Cluster, settings: Settings) -> Iterator[Settings]:
    """Settings under which only the cluster's own authorities are believed, where it has some."""
    if not isinstance(cluster.authority, bytes):
        path = cluster.authority
        yield dataclasses.replace(settings, ca_bundle=path) if path else settings
        return
    with tempfile.TemporaryDirectory(prefix="provenance-") as folder:
        kept = Path(folder) / "authority.pem"
        kept.write_bytes(cluster.authority)
        yield dataclasses.replace(settings, ca_bundle=kept)
