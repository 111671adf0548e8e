"""`Session`: requests without the decisions it takes on its own. Import it late: it is slow to."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
import requests.adapters

if TYPE_CHECKING:
    from provenance.settings import Settings

__all__ = ["Session"]


class Session(requests.Session):
    """No redirects, retries, cookies, .netrc (CVE-2024-47081) and proxies by the back door."""

    def __init__(self, settings: Settings) -> None:
        """Take certificates and the user agent from `settings`."""
        super().__init__()
        self.trust_env = False
        self.verify = str(settings.ca_bundle) if settings.ca_bundle else True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["User-Agent"] = settings.user_agent
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=4, max_retries=0)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even where it does not follow, requests would read the whole body to look."""
        del resp
        return None
