"""cosign's annotations of a signature that is a layer of a `.sig` or `.att` manifest.

Source: sigstore/cosign, `pkg/oci/static/options.go`, `pkg/cosign/bundle/rekor.go` and `rfc3161.go`.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["layer_annotations"]

_COSIGN = "dev.sigstore.cosign/"


def layer_annotations(
    *,
    signature: str,
    chain: Sequence[str] = (),
    entry: Mapping[str, Any] | None = None,
    stamp: bytes | None = None,
) -> dict[str, str]:
    """The annotations of one layer.

    Args:
        signature: in base64; empty where the layer is an envelope.
        chain: certificates in PEM, the leaf first; empty for a managed key.
        entry: of a v1 log, as a TransparencyLogEntry with a promise.
        stamp: an RFC 3161 response in DER.
    """
    annotations = {"dev.cosignproject.cosign/signature": signature}
    if chain:
        annotations[f"{_COSIGN}certificate"] = chain[0]
        annotations[f"{_COSIGN}chain"] = "".join(chain[1:])
    if entry is not None and "inclusionPromise" in entry:
        annotations[f"{_COSIGN}bundle"] = json.dumps(_bundle(entry))
    if stamp is not None:
        shown = {"SignedRFC3161Timestamp": base64.b64encode(stamp).decode("ascii")}
        annotations[f"{_COSIGN}rfc3161timestamp"] = json.dumps(shown)
    return annotations


def _bundle(entry: Mapping[str, Any]) -> dict[str, Any]:
    payload = {
        "body": entry["canonicalizedBody"],
        "integratedTime": int(entry["integratedTime"]),
        "logIndex": int(entry["logIndex"]),
        "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
    }
    promise = entry["inclusionPromise"]["signedEntryTimestamp"]
    return {"SignedEntryTimestamp": promise, "Payload": payload}
