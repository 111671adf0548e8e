"""Which services are used: versions, spans of time, operators, selectors."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument, NotEvaluated, ProvenanceError, UnsupportedFormat
from provenance.signing.signing_config import SigningConfig

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


def service(
    name: str, version: int = 1, operator: str = "a", start: str = "2020", end: str | None = None
) -> dict[str, Any]:
    span = {"start": f"{start}-01-01T00:00:00Z"}
    if end is not None:
        span["end"] = end
    url = f"https://{name}.example"
    return {"url": url, "majorApiVersion": version, "operator": operator, "validFor": span}


def config(logs: list[Any], selected: Any = None, **more: Any) -> SigningConfig:
    document = {"mediaType": MEDIA_TYPE, "rekorTlogUrls": logs, **more}
    if selected is not None:
        document["rekorTlogConfig"] = selected
    return SigningConfig.parse(json.dumps(document).encode())


def chosen(logs: list[Any], selected: Any = None) -> tuple[list[str], int]:
    choice = config(logs, selected).logs(NOW)
    return [s.url.removeprefix("https://").removesuffix(".example") for s in choice.services], (
        choice.needed
    )


ANY, ALL = {"selector": "ANY"}, {"selector": "ALL"}


@pytest.mark.parametrize(
    ("logs", "selected", "expected"),
    {
        "one": ([service("one")], ANY, (["one"], 1)),
        "the newest interface of an operator": (
            [service("old", 1), service("new", 2)],
            ANY,
            (["new"], 1),
        ),
        "a newer interface than is spoken here is passed over": (
            [service("one", 1), service("three", 3)],
            ANY,
            (["one"], 1),
        ),
        "the one of them that began last": (
            [service("first", 2, start="2024"), service("last", 2, start="2026")],
            ANY,
            (["last"], 1),
        ),
        "none that has not begun": (
            [service("now"), service("later", 2, start="2027")],
            ANY,
            (["now"], 1),
        ),
        "none that has ended": (
            [service("now"), service("past", 2, end="2026-05-31T23:59:59Z")],
            ANY,
            (["now"], 1),
        ),
        "the end belongs to it": (
            [service("now", end="2026-06-01T00:00:00Z")],
            ANY,
            (["now"], 1),
        ),
        "any of several operators, in turn": (
            [service("a1", 1, "a"), service("b2", 2, "b")],
            ANY,
            (["b2", "a1"], 1),
        ),
        "all operators": (
            [service("a1", 1, "a"), service("b2", 2, "b"), service("b1", 1, "b")],
            ALL,
            (["b2", "a1"], 2),
        ),
        "exactly so many": (
            [service("a", 1, "a"), service("b", 1, "b"), service("c", 1, "c")],
            {"selector": "EXACT", "count": 2},
            (["a", "b", "c"], 2),
        ),
        "a selector as a number": ([service("a", 1, "a")], {"selector": 1}, (["a"], 1)),
        "no selector asks for all": (
            [service("a", 1, "a"), service("b", 1, "b")],
            None,
            (["a", "b"], 2),
        ),
        "no services": ([], ANY, ([], 0)),
        "none of them now": ([service("later", start="2027")], ALL, ([], 0)),
    }.values(),
)
def test_services_are_chosen(
    logs: list[Any], selected: Any, expected: tuple[list[str], int]
) -> None:
    assert chosen(logs, selected) == expected


def test_fewer_operators_than_asked_for_is_not_knowing_where_to_sign() -> None:
    logs = [service("a1", 1, "a"), service("a2", 2, "a")]
    with pytest.raises(NotEvaluated, match="wants 2 logs of different operators, and names 1"):
        chosen(logs, {"selector": "EXACT", "count": 2})


@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ({"rekorTlogConfig": {"selector": "SOME"}}, "/rekorTlogConfig/selector"),
        ({"rekorTlogConfig": {"selector": 0}}, "/rekorTlogConfig/selector"),
        ({"rekorTlogConfig": {"selector": True}}, "/rekorTlogConfig/selector"),
        ({"rekorTlogConfig": {"selector": []}}, "/rekorTlogConfig/selector"),
        (
            {"rekorTlogConfig": {"selector": "SERVICE_SELECTOR_UNDEFINED"}},
            "/rekorTlogConfig/selector",
        ),
        ({"rekorTlogConfig": []}, "/rekorTlogConfig"),
        ({"tsaConfig": {"selector": "EXACT"}}, "/tsaConfig/count"),
        ({"tsaConfig": {"selector": "EXACT", "count": 0}}, "/tsaConfig/count"),
        ({"tsaConfig": {"selector": "EXACT", "count": True}}, "/tsaConfig/count"),
        ({"caUrls": {}}, "/caUrls"),
        ({"caUrls": [1]}, "/caUrls/0"),
        ({"caUrls": [{"url": "ftp://a", "majorApiVersion": 1}]}, "/caUrls/0/url"),
        ({"caUrls": [{"url": "https://[", "majorApiVersion": 1}]}, "/caUrls/0/url"),
        ({"caUrls": [{"url": "https://a", "majorApiVersion": "1"}]}, "/caUrls/0/majorApiVersion"),
        (
            {"oidcUrls": [{"url": "https://a", "majorApiVersion": 1, "operator": 1}]},
            "/oidcUrls/0/operator",
        ),
        (
            {"tsaUrls": [{"url": "https://a", "majorApiVersion": 1, "validFor": {"start": 1}}]},
            "/tsaUrls/0/validFor/start",
        ),
    ],
)
def test_what_is_malformed_is_pointed_to(part: dict[str, Any], pointer: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        SigningConfig.parse(json.dumps({"mediaType": MEDIA_TYPE, **part}).encode())
    assert caught.value.pointer == pointer


def test_another_version_is_not_read() -> None:
    other = MEDIA_TYPE.replace("0.2", "0.1").encode()
    with pytest.raises(UnsupportedFormat, match=r"expected mediaType .*v0\.2"):
        SigningConfig.parse(b'{"mediaType": "%s"}' % other)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["url", "majorApiVersion", "validFor", "operator", "selector", "count", "start"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["caUrls", "rekorTlogUrls", "tsaUrls", "rekorTlogConfig", "tsaConfig"]),
)
def test_whatever_is_in_it_is_read_or_refused(part: Any, name: str) -> None:
    raw = json.dumps({"mediaType": MEDIA_TYPE, name: part}).encode()
    try:
        read = SigningConfig.parse(raw)
        for choose in (read.logs, read.clocks, read.authorities, read.issuers):
            assert choose(NOW).needed <= len(choose(NOW).services)
    except ProvenanceError:
        return


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["signing_config.v0.2.json", "signing_config_rekor_v2.v0.2.json"])
def test_the_public_instances_configurations_are_read(corpus: Path, name: str) -> None:
    raw = next((corpus / "sigstore-roots").rglob(name)).read_bytes()
    found = SigningConfig.parse(raw)
    assert found.authorities(NOW).services[0].url == "https://fulcio.sigstore.dev"
    assert found.logs(NOW).needed == 1
    assert found.issuers(NOW).services
