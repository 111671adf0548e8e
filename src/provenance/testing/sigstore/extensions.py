"""What a certificate says of the identity it is for: its name, and Fulcio's extensions.

Source: Fulcio's `docs/oid-info.md`, the column of GitHub's claims in its mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asn1crypto import core
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["certificate_issuer", "extensions", "general_name", "subject"]

_FULCIO = "1.3.6.1.4.1.57264.1"
_SERVER = "https://github.com"
# The deprecated extensions hold the claim's bytes, the others a DER UTF8String.
_RAW = {2: "event_name", 3: "sha", 4: "workflow", 5: "repository", 6: "ref"}
_TEXT = {
    10: "job_workflow_sha",
    11: "runner_environment",
    13: "sha",
    14: "ref",
    15: "repository_id",
    17: "repository_owner_id",
    19: "workflow_sha",
    20: "event_name",
    22: "repository_visibility",
    23: "environment",
}


def subject(claims: Mapping[str, Any]) -> str:
    """The identity a certificate is for: workflow, else e-mail address, else subject."""
    if workflow := claims.get("job_workflow_ref"):
        return f"{claims.get('server_url', _SERVER)}/{workflow}"
    return str(claims.get("email") or claims["sub"])


def certificate_issuer(claims: Mapping[str, Any]) -> str:
    """The issuer a certificate names: behind a federating issuer, the one it asked."""
    federated = claims.get("federated_claims")
    connector = federated.get("connector_id") if isinstance(federated, dict) else None
    return str(connector or claims["iss"])


def general_name(identity: str) -> x509.GeneralName:
    """The subject alternative name: URI, e-mail address, or Fulcio's own kind for user names."""
    if "://" in identity:
        return x509.UniformResourceIdentifier(identity)
    if "@" in identity:
        return x509.RFC822Name(identity)
    return x509.OtherName(ObjectIdentifier(f"{_FULCIO}.7"), _utf8_string(identity))


def extensions(
    identity: str, issuer: str, claims: Mapping[str, Any]
) -> Iterator[x509.UnrecognizedExtension]:
    """The extensions in the order of their numbers; a claim that is not there leaves its out.

    So does an empty issuer: certificates of other authorities than Fulcio have none.
    """
    raw, text = ({1: issuer}, {8: issuer}) if issuer else ({}, {})
    raw |= {n: claims[c] for n, c in _RAW.items() if c in claims}
    text |= {n: claims[c] for n, c in _TEXT.items() if c in claims}
    text |= _addresses(identity, claims)
    for number, value in sorted(raw.items()):
        yield _extension(number, str(value).encode())
    for number, value in sorted(text.items()):
        yield _extension(number, _utf8_string(str(value)))


def _addresses(identity: str, claims: Mapping[str, Any]) -> dict[int, str]:
    """The extensions that hold URIs, which GitHub's claims spell without the server."""
    repository = claims.get("repository")
    if not repository:
        return {}
    server = claims.get("server_url", _SERVER)
    owner = claims.get("repository_owner") or str(repository).partition("/")[0]
    found = {9: identity, 12: f"{server}/{repository}", 16: f"{server}/{owner}"}
    workflow = claims.get("workflow_ref")
    found[18] = f"{server}/{workflow}" if workflow else identity
    if run := claims.get("run_id"):
        attempt = claims.get("run_attempt", 1)
        found[21] = f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}"
    return found


def _extension(number: int, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ObjectIdentifier(f"{_FULCIO}.{number}"), value)


def _utf8_string(text: str) -> bytes:
    encoded: bytes = core.UTF8String(text).dump()
    return encoded
