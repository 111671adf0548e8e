"""Key references: one grammar for every place a key can be. The words are cosign's.

- `PATH`: a PEM file
- `env://NAME`: PEM in an environment variable
- `awskms://[HOST]/ID`, `alias/NAME` or an ARN: AWS KMS
- `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/V]`: Google Cloud KMS
- `azurekms://HOST/KEY[/VERSION]`: Azure Key Vault
- `hashivault://KEY`, `openbao://KEY`: the transit engine of Vault and OpenBao
- `pkcs11:token=T;object=K?module-path=P`: a token behind PKCS#11 (RFC 7512)
- `k8s://NAMESPACE/NAME`: a secret of Kubernetes
- `gitlab://PROJECT`: CI variables of a GitLab project
- `https://...`: a public key in PEM

Source: sigstore `pkg/signature/kms` (aws, gcp, azure, hashivault), cosign `pkg/signature/keys.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import InvalidReference, UnsupportedFormat
from provenance.signing.keys.pkcs11_uri import TokenKey, parse_pkcs11_uri

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AwsKey",
    "AzureKey",
    "EnvironmentKey",
    "FileKey",
    "GitLabKey",
    "GoogleKey",
    "KeyReference",
    "KubernetesKey",
    "UrlKey",
    "VaultKey",
    "parse_key_reference",
]

_MAX = 4096
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_NAME = r"[A-Za-z0-9_-]{1,127}"
_AWS_ID = r"(?:mrk-)?[0-9A-Fa-f-]{32,36}"
_AWS_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
_AWS_ARN = rf"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{{12}}:(?:key/{_AWS_ID}|{_AWS_ALIAS})"
_DNS = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"

_AWS = re.compile(rf"({_HOST})?/({_AWS_ID}|{_AWS_ALIAS}|{_AWS_ARN})")
_GOOGLE = re.compile(
    r"(projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+)"
    r"(?:/(?:versions|cryptoKeyVersions)/([0-9]+))?"
)
_AZURE = re.compile(rf"({_HOST})/({_NAME})(?:/([A-Za-z0-9]*))?")
_AZURE_LONG = re.compile(rf"({_HOST})/keys/({_NAME})/([A-Za-z0-9]*)")  # as securesystemslib's
_VAULT = re.compile(r"\w(?:[\w.-]*\w)?", re.ASCII)
_KUBERNETES = re.compile(rf"({_DNS})/({_DNS})")
_GITLAB = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class FileKey:
    """A PEM file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """PEM in an environment variable."""

    name: str

    def __str__(self) -> str:
        return f"env://{self.name}"


@dataclass(frozen=True, slots=True)
class UrlKey:
    """A public key in PEM on a web server."""

    url: str

    def __str__(self) -> str:
        from provenance.transport.origin import display_url

        return display_url(self.url)


@dataclass(frozen=True, slots=True)
class AwsKey:
    """A key of AWS KMS."""

    host: str
    """Host, with port, of the end point; empty: the region's."""
    key_id: str
    """Key id, `alias/NAME`, or the ARN of either."""
    region: str = ""
    """Of the ARN; empty: that of the environment."""

    def __str__(self) -> str:
        return f"awskms://{self.host}/{self.key_id}"


@dataclass(frozen=True, slots=True)
class GoogleKey:
    """A key of Google Cloud KMS."""

    name: str
    """Its resource name, without version."""
    version: str = ""
    """Its number; empty: the newest that is enabled."""

    def __str__(self) -> str:
        return f"gcpkms://{self.name}{'/versions/' if self.version else ''}{self.version}"


@dataclass(frozen=True, slots=True)
class AzureKey:
    """A key of an Azure Key Vault or managed HSM."""

    host: str
    name: str
    version: str = ""
    """Empty: the newest."""

    def __str__(self) -> str:
        return f"azurekms://{self.host}/{self.name}{'/' if self.version else ''}{self.version}"


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A key of a transit engine."""

    product: str
    """`hashivault` or `openbao`."""
    name: str

    def __str__(self) -> str:
        return f"{self.product}://{self.name}"


@dataclass(frozen=True, slots=True)
class KubernetesKey:
    """A secret with `cosign.key`, `cosign.password` and `cosign.pub`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"k8s://{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class GitLabKey:
    """CI variables COSIGN_PRIVATE_KEY, COSIGN_PASSWORD and COSIGN_PUBLIC_KEY of a project."""

    project: str
    """Its number, or its path: `group/project`."""

    def __str__(self) -> str:
        return f"gitlab://{self.project}"


KeyReference: TypeAlias = (
    FileKey
    | EnvironmentKey
    | UrlKey
    | AwsKey
    | GoogleKey
    | AzureKey
    | VaultKey
    | TokenKey
    | KubernetesKey
    | GitLabKey
)
"""Where a key is. `str()` of one holds no secret."""


def parse_key_reference(text: str | Path) -> KeyReference:
    """Where `text` says a key is. Nothing is looked at yet.

    A `Path` is a file, whatever it is called; so is text without a scheme.

    Raises:
        InvalidReference: not of the grammar; names what was expected.
        UnsupportedFormat: a scheme that cosign knows and nothing is read from here.
    """
    if isinstance(text, Path):
        return FileKey(text)
    if text.startswith("pkcs11:"):
        return parse_pkcs11_uri(text)
    scheme, mark, rest = text.partition("://")
    if not mark:
        return _file(text)
    if len(text) > _MAX:
        raise InvalidReference(f"a key reference has not {len(text)} characters")
    if scheme in _UNREAD:
        raise UnsupportedFormat(f"no key is read from {scheme}://", hint=_UNREAD[scheme])
    if scheme not in _SCHEMES:
        raise InvalidReference(
            f"{scheme[:40]!r} is no place that keys are in",
            hint=f"a path, pkcs11:, or one of {', '.join(f'{name}://' for name in _SCHEMES)}",
        )
    parse, shape = _SCHEMES[scheme]
    found = parse(rest)
    if found is None:
        raise InvalidReference(
            f"{scheme}:// is not followed by the name of a key", hint=f"expected {scheme}://{shape}"
        )
    return found


def _file(text: str) -> FileKey:
    if not text or "\0" in text or "\n" in text:
        raise InvalidReference("the key reference is no path", hint="give the path of a PEM file")
    return FileKey(Path(text))


def _aws(rest: str) -> AwsKey | None:
    match = _AWS.fullmatch(rest)
    return match and AwsKey(match[1] or "", match[2], match[3] or "")


def _google(rest: str) -> GoogleKey | None:
    match = _GOOGLE.fullmatch(rest)
    return match and GoogleKey(match[1], match[2] or "")


def _azure(rest: str) -> AzureKey | None:
    match = _AZURE_LONG.fullmatch(rest) or _AZURE.fullmatch(rest)
    return match and AzureKey(match[1], match[2], match[3] or "")


def _vault(product: str) -> Callable[[str], VaultKey | None]:
    return lambda rest: VaultKey(product, rest) if _VAULT.fullmatch(rest) else None


def _kubernetes(rest: str) -> KubernetesKey | None:
    match = _KUBERNETES.fullmatch(rest)
    return match and KubernetesKey(match[1], match[2])


def _gitlab(rest: str) -> GitLabKey | None:
    return GitLabKey(rest) if _GITLAB.fullmatch(rest) and ".." not in rest else None


def _variable(rest: str) -> EnvironmentKey | None:
    return EnvironmentKey(rest) if _VARIABLE.fullmatch(rest) else None


def _url(scheme: str) -> Callable[[str], UrlKey | None]:
    return lambda rest: UrlKey(f"{scheme}://{rest}") if rest else None


# Scheme to what parses the rest of it, and what the rest looks like.
_SCHEMES: dict[str, tuple[Callable[[str], KeyReference | None], str]] = {
    "env": (_variable, "NAME"),
    "awskms": (_aws, "[HOST]/ID, alias/NAME or ARN: three slashes where no host is named"),
    "gcpkms": (_google, "projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/V]"),
    "azurekms": (_azure, "HOST/KEY[/VERSION]"),
    "hashivault": (_vault("hashivault"), "KEY"),
    "openbao": (_vault("openbao"), "KEY"),
    "k8s": (_kubernetes, "NAMESPACE/NAME"),
    "gitlab": (_gitlab, "PROJECT"),
    "https": (_url("https"), "HOST/PATH"),
    "http": (_url("http"), "HOST/PATH"),
}
_UNREAD = {
    "github": "GitHub gives no secret back; pass it to the job in a variable, and use env://NAME"
}
