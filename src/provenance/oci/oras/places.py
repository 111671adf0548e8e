"""Which repository and what in it a URL of the registry API means, as oras-py builds them.

Source: distribution-spec 1.1, "Endpoints".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provenance.digests import Digest
from provenance.errors import UnsupportedFormat
from provenance.oci.reference import Reference
from provenance.transport.origin import origin_of

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ApiPlace"]

_UPLOAD = re.compile(r"/v2/(?P<name>.+?)/(?P<path>blobs/uploads/?.*)")
_NAMED = re.compile(
    r"/v2/(?P<name>.+)/(?P<path>(?P<kind>manifests|blobs|referrers)/(?P<target>[^/]+))"
)
_TAGS = re.compile(r"/v2/(?P<name>.+)/(?P<path>tags/list)")


@dataclass(frozen=True, slots=True)
class ApiPlace:
    """One end point of a repository."""

    repository: Reference
    path: str
    """Below the repository, with its query."""
    digest: Digest | None = None
    """Of the content it names."""
    is_upload: bool = False

    @classmethod
    def find(cls, url: str) -> Self | None:
        """The place that `url` means; None: it is of no repository.

        Raises:
            RegistryUnavailable: no http or https URL. UnsupportedFormat: it holds credentials.
            InvalidReference, InvalidDigest: what it names cannot be.
        """
        origin_of(url)
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise UnsupportedFormat("credentials in a URL are not taken", hint="use login")
        upload = _UPLOAD.fullmatch(parts.path)
        named = _NAMED.fullmatch(parts.path)
        found = upload or named or _TAGS.fullmatch(parts.path)
        if found is None:
            return None
        repository = Reference.parse(f"docker://{parts.netloc}/{found['name']}")
        digest = None
        if not upload and named:
            target = named["target"]
            if named["kind"] != "manifests" or ":" in target:
                digest = Digest(target)
                repository = repository.with_digest(digest)
            else:
                repository = repository.with_tag(target)
            # What a list of referrers hashes to is nobody's name.
            digest = None if named["kind"] == "referrers" else digest
        path = f"{found['path']}?{parts.query}" if parts.query else found["path"]
        return cls(repository, path, digest, bool(upload))

    def actions(self, method: str) -> str:
        """The scope that a request with `method` needs."""
        if method == "DELETE" and not self.is_upload:
            return "delete,pull,push"
        return "pull" if method in {"GET", "HEAD"} and not self.is_upload else "pull,push"
