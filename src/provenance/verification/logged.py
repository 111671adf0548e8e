"""Time and place in the log: what the steps of verification proved of them, and no more.

Source: RFC 6962 section 2.1.1 (inclusion proofs); C2SP tlog-checkpoint.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from provenance.errors import InvalidEvidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sigstore.models import Bundle as SigstoreBundle

__all__ = ["proven_time_and_index"]


def proven_time_and_index(checked: SigstoreBundle) -> tuple[dt.datetime | None, int]:
    """When a verified bundle was signed, and its index in the log.

    From the library's own reading of the bundle, so that a field spelled twice cannot show one
    value and prove another. With several timestamps it is not told which were accepted: None.

    Raises:
        InvalidEvidence: step `transparency-log`: the proof is of a tree other than the signed one.
    """
    material: dict[str, Any] = json.loads(checked.to_json())["verificationMaterial"]
    entry = material["tlogEntries"][0]
    index = _proven_index(entry["inclusionProof"])
    if entry.get("inclusionPromise") and int(entry.get("integratedTime") or 0):
        # The log's promise signs body, time and index (Rekor v1, where the index counts across
        # all trees of the log and the proof's only in its own).
        moment = dt.datetime.fromtimestamp(int(entry["integratedTime"]), tz=dt.UTC)
        return moment, int(entry["logIndex"])
    stamps = (material.get("timestampVerificationData") or {}).get("rfc3161Timestamps") or []
    if len(stamps) != 1:
        return None, index
    from base64 import b64decode

    from rfc3161_client import decode_timestamp_response

    response = decode_timestamp_response(b64decode(stamps[0]["signedTimestamp"]))
    return response.tst_info.gen_time.astimezone(dt.UTC), index


def _proven_index(proof: Mapping[str, Any]) -> int:
    """The leaf's index in the tree whose size and root the log has signed.

    The library compares the root alone. A path of hashes leads to the same root from other
    indices of trees of other sizes, so that without the size the index would be anyone's claim.
    """
    index, size = int(proof["logIndex"]), int(proof["treeSize"])
    lines = str(proof["checkpoint"]["envelope"]).strip().split("\n")
    signed = lines[1] if len(lines) > 1 else ""
    if signed != str(size) or index >= size:
        raise InvalidEvidence(
            f"the proof is for entry {index} of a log of {size} entries, "
            f"where the log has signed a size of {signed[:30]!r}",
            step="transparency-log",
            hint="the bundle is damaged or forged",
        )
    return index
