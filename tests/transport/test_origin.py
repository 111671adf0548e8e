from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import RegistryUnavailable
from provenance.transport.origin import (
    display_url,
    is_loopback_host,
    is_private_host,
    join_url,
    origin_of,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ghcr.io/v2/", ("https", "ghcr.io", 443)),
        ("HTTPS://GHCR.io:443/v2/", ("https", "ghcr.io", 443)),
        ("http://ghcr.io", ("http", "ghcr.io", 80)),
        ("https://ghcr.io:8443", ("https", "ghcr.io", 8443)),
        ("https://user:pw@ghcr.io", ("https", "ghcr.io", 443)),
        ("https://ghcr.io@evil.example", ("https", "evil.example", 443)),
        ("http://[::1]:5000/", ("http", "::1", 5000)),
    ],
)
def test_origins(url: str, expected: tuple[str, str, int]) -> None:
    assert origin_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("", "ghcr.io", "//ghcr.io", "ftp://x", "https://", "http://[::1", "http://x:y", "http:x"),
        "https://evil.example\\@ghcr.io/",
        "https://evil.example:443\\\\@ghcr.io/",
    ],
)
def test_what_has_no_origin(url: str) -> None:
    with pytest.raises(RegistryUnavailable, match="URL"):
        origin_of(url)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/a?b=c", "https://h:1/a?b=c"),
        ("c", "https://h:1/x/c"),
        ("//other/c", "https://other/c"),
        ("http://other/c", "http://other/c"),
        ("", "https://h:1/x/y"),
    ],
)
def test_where_a_location_leads(location: str, expected: str) -> None:
    assert join_url("https://h:1/x/y", location) == expected


@pytest.mark.parametrize(
    "location", ["http://[::1", "file:///etc/passwd", "javascript:x", "http://a:b"]
)
def test_a_location_that_leads_nowhere(location: str) -> None:
    with pytest.raises(RegistryUnavailable, match="URL"):
        join_url("https://h/x", location)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:s3cret@h:1/p?token=s3cret#s3cret", "https://h:1/p"),
        ("https://[::1]:5000/p", "https://[::1]:5000/p"),
        ("https://h/\x1b[2J", "https://h/?[2J"),
        ("http://[::1", "(not a URL)"),
    ],
)
def test_what_is_shown_of_a_url(url: str, expected: str) -> None:
    assert display_url(url) == expected


@pytest.mark.parametrize(
    ("host", "loopback", "private"),
    [
        ("127.0.0.1", True, True),
        ("127.0.0.1:5000", True, True),
        ("127.8.8.8", True, True),
        ("localhost", True, True),
        ("LOCALHOST:5000", True, True),
        ("::1", True, True),
        ("[::1]", True, True),
        ("[::1]:5000", True, True),
        ("10.1.2.3", False, True),
        ("169.254.169.254:80", False, True),
        ("fd00::1", False, True),
        ("[fe80::1]:443", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("100.64.0.1", False, True),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("8.8.8.8", False, False),
        ("[2001:4860:4860::8888]:443", False, False),
        ("", False, False),
        ("[", False, False),
    ],
)
def test_hosts_that_are_inside(host: str, loopback: bool, private: bool) -> None:  # noqa: FBT001
    assert is_loopback_host(host) is loopback
    assert is_private_host(host) is private


def test_names_that_only_look_like_this_machine() -> None:
    for host in ("localhost.example.com", "127.0.0.1.example.com", "xlocalhost", "128.0.0.1"):
        assert not is_loopback_host(host)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    assert display_url(text).isprintable()
    is_loopback_host(text)
    for url in (text, f"http://{text}", f"https://{text}/x"):
        try:
            scheme, host, port = origin_of(url)
        except RegistryUnavailable:
            continue
        assert scheme in {"http", "https"}
        assert host
        assert 0 <= port <= 65535
