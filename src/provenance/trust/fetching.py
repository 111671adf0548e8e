"""python-tuf's fetcher over our transport. Imported only when something is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.transport.client import Client
    from provenance.transport.response import Response

__all__ = ["Fetcher"]


class Fetcher(FetcherInterface):
    """Hands TUF the bytes of a URL. How many it takes, and whether it believes them, is TUF's."""

    def __init__(self, client: Client) -> None:
        """Fetch with `client`, which its owner closes."""
        self._client = client

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self._client.request("GET", url)
        if response.status != 200:
            response.close()
            raise DownloadHTTPError(
                f"{display_url(url)} answered {response.status}", response.status
            )
        return _chunks(response)


def _chunks(response: Response) -> Iterator[bytes]:
    with response:
        while chunk := response.read(1 << 16):
            yield chunk
