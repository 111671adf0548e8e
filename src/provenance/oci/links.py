"""`Link` headers: where the next page is. Source: RFC 8288, section 3.

Read whole or refused: a link that is passed over would end a listing early, and a listing that
ends early reads as "unsigned".
"""

from __future__ import annotations

import re

from provenance.errors import MalformedDocument

__all__ = ["next_link"]

_PARAMETER = r"\s*;\s*([^\s;,=\"<>]+)(?:\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"<>]*)))?"
_LINK = re.compile(rf"\s*<([^<>]*)>((?:{_PARAMETER})*+)\s*(?:,|$)")


def next_link(header: str) -> str:
    """The target of `rel="next"`, empty where there is none.

    >>> next_link('</v2/app/tags/list?last=b>; rel="next"')
    '/v2/app/tags/list?last=b'

    Raises:
        MalformedDocument: the header is not of the form of RFC 8288, or names two next pages.
    """
    at, found = 0, set[str]()
    while header[at:].strip(" \t,"):
        link = _LINK.match(header, at)
        if link is None:
            raise MalformedDocument("the Link header is not of the form of RFC 8288")
        at = link.end()
        for name, quoted, plain in re.findall(_PARAMETER, link[2]):
            if name.lower() == "rel":
                if "next" in (quoted or plain).lower().split():
                    found.add(link[1])
                break  # only the first counts
    if len(found) > 1:
        raise MalformedDocument("the Link header names two next pages")
    return found.pop() if found else ""
