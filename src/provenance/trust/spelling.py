"""A trust root with everything spelled out that ProtoJSON leaves out, for the sigstore library.

Source: Protobuf's JSON mapping ("ProtoJSON"): writers omit empty lists and strings, and null says
the same. cosign's `trusted-root create` does so; the library asks for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMS", "spelled_out"]

_FORM = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
FORMS = (
    _FORM,
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
"""Media types of a trust root. They name one message; the library knows the first alone."""
_LOGS = ("tlogs", "ctlogs")
_AUTHORITIES = ("certificateAuthorities", "timestampAuthorities")


def spelled_out(root: Mapping[str, Any]) -> dict[str, Any]:
    """The same trust root. What is not of its form is left for the library to refuse."""
    whole = dict(root)
    if root.get("mediaType") in FORMS:
        whole["mediaType"] = _FORM
    for name in (*_LOGS, *_AUTHORITIES):
        whole[name] = [] if root.get(name) is None else root[name]
    for name in _LOGS:
        whole[name] = _each(whole[name], _log)
    for name in _AUTHORITIES:
        whole[name] = _each(whole[name], _authority)
    return whole


def _each(parts: Any, spell: Any) -> Any:
    if not isinstance(parts, list):
        return parts
    return [spell(part) if isinstance(part, dict) else part for part in parts]


def _log(log: Mapping[str, Any]) -> dict[str, Any]:
    return {**log, "baseUrl": _text(log, "baseUrl")}


def _authority(authority: Mapping[str, Any]) -> dict[str, Any]:
    subject = {} if authority.get("subject") is None else authority["subject"]
    if isinstance(subject, dict):
        names = {name: _text(subject, name) for name in ("organization", "commonName")}
        subject = {**subject, **names}
    return {**authority, "subject": subject}


def _text(message: Mapping[str, Any], name: str) -> Any:
    return "" if message.get(name) is None else message[name]
