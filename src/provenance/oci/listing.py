"""Listings of a registry: referrers by both schemes, and tags; every page or an error.

Source: distribution-spec 1.1, "Listing Referrers", "Unavailable Referrers API", "Listing Tags".
A listing that ends early would read as "unsigned": each way to end early raises instead.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.oci.answers import error_code
from provenance.oci.links import next_link
from provenance.oci.manifest import Index, parse_manifest
from provenance.oci.media_types import OCI_INDEX
from provenance.oci.repository import Referrers, digest_tag, may_be_of_type
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url, join_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.transport.response import Response

__all__ = ["list_referrers", "list_tags", "read_fallback_index"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# "The server does not have this end point", as seen in the wild. A redirect to another host may
# be that too: some registries send people's browsers to a web page. One to the same host is
# followed.
_UNSUPPORTED = frozenset({400, 404, 405, 406, 501})
_LISTS = frozenset({OCI_INDEX, "application/json"})  # Harbor before 2.10 sent the latter


def list_referrers(
    repository: RegistryRepository, subject: Digest, artifact_type: str
) -> Referrers:
    """Everything that refers to `subject`.

    The API first, unless this repository is known to lack it; where it lacks it or lists
    nothing, the fallback tag. The API is asked for `artifact_type`; that it filtered is believed
    only where it says so (`OCI-Filters-Applied`). Elsewhere an entry with an empty or config-like
    type is kept, as older clients wrote those (cosign #4641), and the caller looks through it.

    Raises:
        ProvenanceError: some page could not be read, or is no index: nothing is known.
        LimitExceeded: more pages or referrers than `Limits` allows.
    """
    found: tuple[Descriptor, ...] = ()
    scheme = "fallback-tag"
    # Harbor before 2.8 has no API and says so by a 401. What the fallback tag holds counts then;
    # that it holds nothing does not: a refusal is no absence.
    refusal: Unauthorized | None = None
    doubt: ProvenanceError | None = None
    if repository.learnt.referrers_api is not False:
        try:
            listed = _from_api(repository, subject, artifact_type)
        except _RefusedUnasked as refused:
            listed, refusal, doubt = None, refused.error, refused.error
        except _AnsweredByOthers as others:
            listed, doubt = None, others.error
        if listed is not None:
            repository.learnt.referrers_api = True
            found, scheme = listed, "api"
    if not found:
        index = read_fallback_index(repository, subject)
        if index is not None:
            found, scheme = index.manifests, "fallback-tag"
        if refusal is not None and not found:
            raise refusal
        found = tuple(d for d in found if _is_asked(d, artifact_type))
    _check_count(repository, len(found))
    return Referrers(found, scheme, doubt)


class _AnsweredByOthers(Exception):
    """A web page, or a redirect to one: where there is no API, or where something is amiss."""

    def __init__(self, error: RegistryUnavailable) -> None:
        super().__init__(error.message)
        self.error = error


class _RefusedUnasked(Exception):
    """A 401 that asks for no login."""

    def __init__(self, error: Unauthorized) -> None:
        super().__init__(error.message)
        self.error = error


def _is_asked(descriptor: Descriptor, artifact_type: str) -> bool:
    return not artifact_type or may_be_of_type(descriptor, artifact_type)


def read_fallback_index(repository: RegistryRepository, subject: Digest) -> Index | None:
    """The index at the referrers tag of `subject`; None: there is none.

    Raises:
        MalformedDocument: the tag holds something that is no index.
    """
    try:
        found = repository.manifest_here(digest_tag(subject))
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
    with closing(_pages(repository, "tags/list", "application/json", follow=True)) as pages:
        for number, response in enumerate(pages):
            if response.status != 200:
                _refuse_page(repository, response, number)
            tags += _tags_of(repository, response)
            if len(tags) > repository.limits.tags:
                raise LimitExceeded(
                    f"{repository.name} has more than {repository.limits.tags} tags",
                    hint="raise Limits.tags",
                )
    return tuple(tags)


def _tags_of(repository: RegistryRepository, response: Response) -> list[str]:
    raw = response.read_capped(repository.limits.manifest_bytes, "list of tags")
    try:
        page = decode_object(raw).get("tags")
    except MalformedDocument as error:
        error.message = f"the list of tags {error.message}"
        error.reference = repository.name
        raise
    if page is None:  # Go's way to write an empty list
        return []
    if not isinstance(page, list) or not all(isinstance(tag, str) for tag in page):
        raise MalformedDocument(
            "tags must be an array of strings", pointer="/tags", reference=repository.name
        )
    return page


def _from_api(
    repository: RegistryRepository, subject: Digest, artifact_type: str
) -> tuple[Descriptor, ...] | None:
    """All pages of the referrers API; None: this registry has none."""
    found: list[Descriptor] = []
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    with closing(_pages(repository, f"referrers/{subject}{query}", OCI_INDEX)) as pages:
        for number, response in enumerate(pages):
            if number == 0:
                _check_who_answers(repository, subject, response)
                if _lacks_api(repository, response):
                    return None
            if response.status != 200:
                _refuse_page(repository, response, number, subject)
            media_type = _content_type(response)
            if media_type not in _LISTS:
                raise _no_page(repository, subject, f"is {media_type[:60]!r}")
            raw = response.read_capped(repository.limits.manifest_bytes, "list of referrers")
            try:
                index = parse_manifest(raw, limits=repository.limits, where=repository.name)
            except (MalformedDocument, UnsupportedFormat) as error:
                raise _no_page(repository, subject, f"cannot be read: {error.message}") from error
            if not isinstance(index, Index):
                raise _no_page(repository, subject, "is no index")
            applied = response.headers.get("OCI-Filters-Applied", "").split(",")
            filtered = query and "artifactType" in map(str.strip, applied)
            found += [d for d in index.manifests if filtered or _is_asked(d, artifact_type)]
            _check_count(repository, len(found))
    return tuple(found)


def _refuse_page(
    repository: RegistryRepository, response: Response, number: int, subject: Digest | None = None
) -> NoReturn:
    """Raise what a page's answer means. A later page that is missing is no empty list."""
    what = f"referrers of {subject}" if subject is not None else "list of tags"
    if number > 0 and response.status == 404:
        raise RegistryUnavailable(
            f"page {number + 1} of the {what} is not there, to which the page before it leads",
            reference=repository.name,
            digest=subject or "",
            hint="nothing is known about the rest; try again, or tell the registry's operator",
        )
    try:
        repository.refuse(response, what, subject)
    except Unauthorized as error:
        unasked = not response.headers.get("WWW-Authenticate")
        if subject is not None and number == 0 and unasked:
            raise _RefusedUnasked(error) from error
        raise


def _check_who_answers(repository: RegistryRepository, subject: Digest, response: Response) -> None:
    """Raise _AnsweredByOthers for an answer that no API gives. It is not remembered."""
    if response.status in _REDIRECTS:
        why = f"is answered by a redirect ({response.status}) to another host"
    elif response.status == 200 and _content_type(response) not in _LISTS:
        why = f"is answered by {_content_type(response)[:60]!r}"
    else:
        return
    error = _no_page(repository, subject, why)
    error.message += f" ({display_url(response.url)})"
    raise _AnsweredByOthers(error)


def _lacks_api(repository: RegistryRepository, response: Response) -> bool:
    """Whether the first answer says that there is no such end point; remembered if it is sure.

    A repository that is not there (yet) may be answered 404 too: that says nothing of the API.
    """
    if response.status not in _UNSUPPORTED:
        return False
    code = error_code(response, repository.limits.error_bytes) if response.status == 404 else ""
    if code not in {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}:
        repository.learnt.referrers_api = False
    return True


def _content_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _no_page(repository: RegistryRepository, subject: Digest, why: str) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the list of referrers {why}",
        reference=repository.name,
        digest=subject,
        hint="nothing is known about its referrers; try again, or tell the registry's operator",
    )


def _pages(
    repository: RegistryRepository, path: str, accept: str, *, follow: bool = False
) -> Generator[Response, None, None]:
    """Each page's answer, open; a next link must stay with the page's host and lead on.

    `follow` redirects anywhere (without Authorization elsewhere); else to the same host alone.
    """
    url, seen = f"{repository.base}/v2/{repository.place.repository}/{path}", set[str]()
    while url:
        if len(seen) >= repository.limits.pages:
            raise LimitExceeded(
                f"{display_url(url)} has more than {repository.limits.pages} pages",
                reference=repository.name,
                hint="raise Limits.pages if you trust it",
            )
        seen.add(url)
        headers = {"Accept": accept}
        with repository.send("GET", url, headers=headers, follow=follow) as response:
            target = _elsewhere(response)
            if not target:
                yield response
                with repository.named():
                    target = _next(response)
            if target in seen:
                raise RegistryUnavailable(
                    f"the pages of {display_url(url)} lead back to an earlier one",
                    reference=repository.name,
                    hint="nothing is known; tell the registry's operator",
                )
            url = target


def _elsewhere(response: Response) -> str:
    """Where a redirect on the same host leads; empty for every other answer."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        return ""
    try:
        target = join_url(response.url, location)
    except RegistryUnavailable:
        return ""
    return target if origin_of(target) == origin_of(response.url) else ""


def _next(response: Response) -> str:
    """The next page's URL, empty on the last one. Raises RegistryUnavailable if it leads away."""
    try:
        link = next_link(response.headers.get("Link", ""))
    except MalformedDocument as error:
        raise RegistryUnavailable(
            f"{display_url(response.url)} names its next page in a way that cannot be read: "
            f"{error}",
            hint="nothing is known about the rest; tell the registry's operator",
        ) from error
    target = join_url(response.url, link) if link else ""
    if target and origin_of(target) != origin_of(response.url):
        raise RegistryUnavailable(
            f"the next page of {display_url(response.url)} is at {display_url(target)}",
            hint="not followed: another host must not answer for this one",
        )
    return target


def _check_count(repository: RegistryRepository, count: int) -> None:
    if count > repository.limits.referrers:
        raise LimitExceeded(
            f"more than {repository.limits.referrers} referrers",
            reference=repository.name,
            hint="raise Limits.referrers if you trust it",
        )
