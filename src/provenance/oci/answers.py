"""What a registry's refusal means: one typed error for each status.

Source: distribution-spec 1.1, "Error Codes". What it says of itself is quoted short and escaped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from provenance.errors import (
    Forbidden,
    LimitExceeded,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.transport.faults import PERHAPS_TLS

if TYPE_CHECKING:
    from provenance.oci.reference import Reference
    from provenance.transport.response import Response

__all__ = ["error_code", "raise_for_status"]


def raise_for_status(
    response: Response,
    reference: Reference,
    what: str,
    *,
    limit: int,
    source: str = "",
    account: str = "",
) -> NoReturn:
    """Raise the error that this answer is.

    Args:
        response: with any status that was not expected.
        reference: what was asked for.
        what: of what it was asked, e.g. `manifest sha256:...`.
        limit: most bytes of the body to read.
        source: where the credentials came from.
        account: the host that was asked and they are for, where that is a mirror.

    Raises:
        NotFound: 404. Unauthorized: 401. Forbidden: 403. RateLimited: 429, or its error code.
        LimitExceeded: 413. RegistryUnavailable: every other status.
    """
    status = response.status
    said = _error_text(response, limit)
    host = account or reference.registry
    place = str(reference)
    if status == 429 or "TOOMANYREQUESTS" in said:
        raise RateLimited(
            f"{host} answered {status} (too many requests) for the {what}{said}",
            retry_after=response.retry_after,
            reference=place,
            hint="nothing is known about it; wait, or log in for a higher limit",
        )
    known: dict[int, tuple[type[ProvenanceError], str, str]] = {
        401: (
            Unauthorized,
            "wants a login" if not source or source == "no credentials" else f"refused {source}",
            f"log in (provenance login {host}), or give credentials=",
        ),
        403: (Forbidden, "forbids access", "ask for access to this repository"),
        404: (NotFound, "has no", "check the spelling, and that it was pushed"),
        413: (LimitExceeded, "refused the size", "make it smaller"),
    }
    if status not in known:
        # Go's servers say 400, and why in a text that is no error document.
        plain = status == 400 and not said and response.url.startswith("http:")
        raise RegistryUnavailable(
            f"{host} answered {status} for the {what}{said}",
            reference=place,
            hint=PERHAPS_TLS if plain else "nothing is known about it; try again later",
        )
    kind, verb, hint = known[status]
    text = f"{host} {verb} {what}" if status == 404 else f"{host} {verb} ({status}) for the {what}"
    raise kind(f"{text}{said}", reference=place, hint=hint)


def error_code(response: Response, limit: int) -> str:
    """The code of the specification's error document; empty if the answer is none. Reads it."""
    return _first_error(response, limit)[0]


def _error_text(response: Response, limit: int) -> str:
    """The registry's own code and message, short and without control characters."""
    code, message = _first_error(response, limit)
    text = f"{code}: {message}" if message else code
    clean = "".join(c if c.isprintable() else " " for c in text)[:200]
    return f" ({clean})" if clean else ""


def _first_error(response: Response, limit: int) -> tuple[str, str]:
    try:
        first = json.loads(response.read_capped(limit))["errors"][0]
        return str(first.get("code") or ""), str(first.get("message") or "")
    except (ProvenanceError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "", ""
