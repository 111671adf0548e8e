from __future__ import annotations

import os

import pytest

from provenance.settings import Settings
from provenance.transport.proxies import proxies_for

PROXY = {"https": "http://user:secret@proxy.test:3128", "http": "http://proxy.test:3128"}


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("https://ghcr.io/v2/", "", False),
        ("https://ghcr.io/v2/", "*", True),
        ("https://ghcr.io/v2/", "ghcr.io", True),
        ("https://GHCR.io/v2/", "other, GHCR.IO", True),
        ("https://a.ghcr.io/v2/", "ghcr.io", True),
        ("https://a.ghcr.io/v2/", ".ghcr.io", True),
        ("https://a.ghcr.io/v2/", "*.ghcr.io", True),
        ("https://notghcr.io/v2/", "ghcr.io", False),
        ("https://ghcr.io/v2/", "ghcr.io:443", True),
        ("https://ghcr.io/v2/", "ghcr.io:5000", False),
        ("https://10.1.2.3/v2/", "10.0.0.0/8", True),
        ("https://10.1.2.3/v2/", "10.1.2.3", True),
        ("https://11.1.2.3/v2/", "10.0.0.0/8", False),
        ("https://ghcr.io/v2/", "10.0.0.0/8 , ,", False),
        ("https://[fd00::1]/v2/", "fd00::/8", True),
        ("https://[fd00::1]/v2/", "[fd00::1]", True),
        ("http://localhost:5000/v2/", "other", True),
        ("http://127.0.0.1:5000/v2/", "", True),
        ("http://[::1]:5000/v2/", "", True),
    ],
)
def test_who_is_reached_directly(url: str, no_proxy: str, *, direct: bool) -> None:
    settings = Settings(proxies=PROXY, no_proxy=no_proxy)
    before = dict(os.environ)
    assert proxies_for(url, settings) == ({} if direct else PROXY)
    assert dict(os.environ) == before


def test_without_proxies_everyone_is() -> None:
    assert proxies_for("https://ghcr.io/", Settings()) == {}
