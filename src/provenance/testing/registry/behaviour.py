"""What a registry can do and how it says no: values, of which a profile is made.

The defaults are distribution-spec 1.1, with every optional ability but those that hide a
client's mistakes (a mount from anywhere, manifests without their blobs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AuthKind", "Behaviour", "Door", "Rate", "Refusal"]

AuthKind = Literal["basic", "bearer"]
Mounts = Literal["never", "named", "anywhere"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a registry that has no such end point answers for it."""

    status: int = 404
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b"404 page not found\n"
    elsewhere: str = ""
    """A path at the other host that it redirects to."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests are answered; each one after that is told to come back later."""

    requests: int
    pattern: str
    """Regular expression searched in the path."""
    method: str | None = None
    """None: all of them."""
    retry_after: int | None = None
    """Seconds; None: it does not say."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The protocol, as this registry speaks it."""

    referrers_api: bool = True
    """Whether it lists referrers."""
    no_referrers: Refusal = Refusal()
    """What it says instead of a list, when it does not."""
    referrers_type: str = "application/vnd.oci.image.index.v1+json"
    """Content-Type of a list of referrers."""
    referrers_lag: int = 0
    """Lists that do not yet have a referrer which was just pushed."""
    filters_referrers: bool = True
    """Whether it filters them by artifactType, and says so."""
    page_size: int | None = None
    """Most entries of one page of tags or referrers."""
    longest_page: int | None = None
    """Most that a client may ask for with `n`; above 400."""
    deletes: bool = True
    """Whether it deletes manifests and blobs; off: 405."""
    deletes_tags: bool = True
    """Whether a tag can be deleted by its name; off: 400."""
    single_post: bool = True
    """Whether a blob may come in one POST; off: 202, the body ignored."""
    shortest_chunk: int = 0
    """Bytes that each part of an upload but the last must have (OCI-Chunk-Min-Length)."""
    mounts: Mounts = "named"
    """Whether blobs are mounted: never, from the repository named, or from anywhere without."""
    ranges: bool = True
    """Whether a part of a blob can be had; off: 200 and the whole, whatever was asked."""
    manifest_bytes: int = 4 << 20
    """Largest manifest."""
    too_large: int = 413
    """Status for a larger one."""
    manifest_algorithms: tuple[str, ...] = ("sha256", "sha512")
    """Digests that a manifest may be pushed by."""
    sparse: bool = False
    """Whether it takes a manifest whose blobs or children it does not have."""
    creates_repositories: bool = True
    """Whether a push makes the repository; off: it must be there."""
    schema1: bool = False
    """Whether a client that accepts no stored type gets a schema 1 manifest; off: 404."""
    redirects_blobs: bool = False
    """Whether the content of blobs is at another host, which wants no Authorization."""
    page_elsewhere: int = 200
    """Status of the web page that the other host has for everything else."""
    session_cookie: bool = False
    """Whether it sets a cookie, and takes who sends it back for a browser without a CSRF token."""
    rates: tuple[Rate, ...] = ()
    """Limits on requests."""


@dataclass(frozen=True, slots=True)
class Door:
    """How a registry asks who is there. Source: distribution's docs/spec/auth."""

    kind: AuthKind | None = None
    """None: it does not ask."""
    anonymous_pull: bool = False
    """Whether reading needs no account."""
    token_lifetime: int | None = None
    """Requests that one token is good for."""
    realm: str | None = None
    """Where the challenge sends clients for a token; None: to `token_path` of this server."""
    token_path: str = "/token"  # noqa: S105 - a path
    service: str = "local-registry"
    names_service: bool = True
    """Whether the challenge names it."""
    needs_service: bool = False
    """Whether the token service wants it in the query."""
    scope_of_head: bool = True
    """Whether the challenge to a HEAD names the scope."""
    token_names: tuple[str, ...] = ("token", "access_token")
    """Fields of the answer that hold the token."""
    basic_challenge: str = 'Basic realm="local registry"'
