"""Listings of a registry: referrers by both schemes, and tags; every page or an error.

Source: distribution-spec 1.1, "Listing Referrers", "Unavailable Referrers API", "Listing Tags".
A listing that ends early would read as "unsigned": each way to end early raises instead.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, MalformedDocument, NotFound, RegistryUnavailable
from provenance.oci.manifest import Index, parse_manifest
from provenance.oci.media_types import OCI_INDEX
from provenance.oci.repository import Referrers, digest_tag, may_be_of_type
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url, join_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry import RegistryRepository
    from provenance.transport.response import Response

__all__ = ["list_referrers", "list_tags", "read_fallback_index"]

# "The server does not have this end point", as seen in the wild. A redirect is one: an index is
# never elsewhere, and some registries send people's browsers to a web page.
_UNSUPPORTED = frozenset({301, 302, 303, 307, 308, 400, 404, 405, 406, 501})

# Read wrongly, a `Link` to a next page would end the list early.
_NEXT = re.compile(r"""\brel\s*=\s*(?:"[^"]*\bnext\b|next\b)""", re.IGNORECASE)


def list_referrers(
    repository: RegistryRepository, subject: Digest, artifact_type: str
) -> Referrers:
    """Everything that refers to `subject`.

    The API first, unless this repository is known to lack it; where it lacks it or lists
    nothing, the fallback tag. `artifact_type` filters the result, not the question: a fallback
    entry with an empty or config-like type is kept, as older clients wrote those
    (cosign #4641), and the caller looks through it.

    Raises:
        ProvenanceError: some page could not be read, or is no index: nothing is known.
        LimitExceeded: more pages or referrers than `Limits` allows.
    """
    found: tuple[Descriptor, ...] = ()
    scheme = "fallback-tag"
    if repository.learnt.referrers_api is not False:
        listed = _from_api(repository, subject)
        repository.learnt.referrers_api = listed is not None
        if listed is not None:
            found, scheme = listed, "api"
    if not found:
        index = read_fallback_index(repository, subject)
        if index is not None:
            found, scheme = index.manifests, "fallback-tag"
    _check_count(repository, len(found))
    if artifact_type:
        found = tuple(d for d in found if may_be_of_type(d, artifact_type))
    return Referrers(found, scheme)


def read_fallback_index(repository: RegistryRepository, subject: Digest) -> Index | None:
    """The index at the referrers tag of `subject`; None: there is none.

    Raises:
        MalformedDocument: the tag holds something that is no index.
    """
    try:
        found = repository.manifest(digest_tag(subject))
    except NotFound:
        return None
    if not isinstance(found, Index):
        raise MalformedDocument(
            f"the tag {digest_tag(subject)} holds a manifest where the referrers index belongs",
            reference=repository.name,
            digest=subject,
            hint="remove or move that tag",
        )
    return found


def list_tags(repository: RegistryRepository) -> tuple[str, ...]:
    """Every tag. Raises NotFound for a repository that is not there."""
    tags: list[str] = []
    with closing(_pages(repository, "tags/list", "application/json")) as pages:
        for response in pages:
            if response.status != 200:
                repository.refuse(response, "list of tags")
            raw = response.read_capped(repository.limits.manifest_bytes, "list of tags")
            try:
                page = decode_object(raw).get("tags")
            except MalformedDocument as error:
                error.message = f"the list of tags {error.message}"
                error.reference = repository.name
                raise
            if page is not None and not (
                isinstance(page, list) and all(isinstance(t, str) for t in page)
            ):
                raise MalformedDocument("tags must be strings", reference=repository.name)
            tags += page or ()
            if len(tags) > repository.limits.tags:
                raise LimitExceeded(
                    f"{repository.name} has more than {repository.limits.tags} tags",
                    hint="raise Limits.tags",
                )
    return tuple(tags)


def _from_api(repository: RegistryRepository, subject: Digest) -> tuple[Descriptor, ...] | None:
    """All pages of the referrers API; None: this registry has none."""
    found: list[Descriptor] = []
    with closing(_pages(repository, f"referrers/{subject}", OCI_INDEX)) as pages:
        for number, response in enumerate(pages):
            if response.status in _UNSUPPORTED and number == 0:
                return None
            if response.status != 200:
                repository.refuse(response, f"referrers of {subject}", subject)
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if media_type not in {OCI_INDEX, "application/json"}:
                if number == 0:  # a web page, as some gateways send: not the API
                    return None
                raise _no_page(repository, subject, f"is {media_type[:60]!r}")
            raw = response.read_capped(repository.limits.manifest_bytes, "list of referrers")
            try:
                index = parse_manifest(raw, limits=repository.limits, where=repository.name)
            except MalformedDocument as error:
                raise _no_page(repository, subject, error.message) from error
            if not isinstance(index, Index):
                raise _no_page(repository, subject, "is no index")
            found += index.manifests
            _check_count(repository, len(found))
    return tuple(found)


def _no_page(repository: RegistryRepository, subject: Digest, why: str) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the list of referrers {why}",
        reference=repository.name,
        digest=subject,
        hint="nothing is known about its referrers; try again, or tell the registry's operator",
    )


def _pages(
    repository: RegistryRepository, path: str, accept: str
) -> Generator[Response, None, None]:
    """Each page's answer, open; a next link must stay with the registry and lead on."""
    url, seen = f"{repository.base}/v2/{repository.reference.repository}/{path}", set[str]()
    while url:
        if len(seen) >= repository.limits.pages:
            raise LimitExceeded(
                f"{display_url(url)} has more than {repository.limits.pages} pages",
                reference=repository.name,
                hint="raise Limits.pages if you trust it",
            )
        seen.add(url)
        with repository.send("GET", url, headers={"Accept": accept}, follow=False) as response:
            yield response
            following: Any = response.links.get("next", {}).get("url")
            if not following and _NEXT.search(response.headers.get("Link", "")):
                raise RegistryUnavailable(
                    f"{display_url(url)} names a next page in a way that cannot be read",
                    reference=repository.name,
                    hint="nothing is known about the rest; tell the registry's operator",
                )
            target = join_url(url, following) if following else ""
            if target and origin_of(target) != origin_of(url):
                raise RegistryUnavailable(
                    f"the next page of {display_url(url)} is at {display_url(target)}",
                    reference=repository.name,
                    hint="not followed: another host must not answer for this one",
                )
            if target in seen:
                raise RegistryUnavailable(
                    f"the pages of {display_url(url)} lead back to an earlier one",
                    reference=repository.name,
                )
            url = target


def _check_count(repository: RegistryRepository, count: int) -> None:
    if count > repository.limits.referrers:
        raise LimitExceeded(
            f"more than {repository.limits.referrers} referrers",
            reference=repository.name,
            hint="raise Limits.referrers if you trust it",
        )
