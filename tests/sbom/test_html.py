"""What a notebook shows of a document: nothing a stranger wrote is markup, in any field."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provenance.cli.printing import drawn
from provenance.packages.package import ListedFile
from provenance.sbom import Files, read_sbom

ALLOWED = {
    *("style", "div", "h4", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "p"),
}
# Invisible, or changing the order of what follows (CVE-2021-42574).
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
PIECES = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></table>", "</style>"),
    *("javascript:alert(1)", '" onmouseover="alert(1)', "&lt;", "'", "\u202e", "\x1b[31m", "{{x}}"),
    *("https://example.org", "a", "\u00e9", "<!--", "]]>", "${x}", "x" * 400),
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def assert_harmless(html: str) -> None:
    parsed = Parsed(html)
    assert parsed.tags <= ALLOWED
    assert parsed.attributes <= {"class"}
    assert HIDDEN.search(html) is None


@given(
    st.lists(
        st.fixed_dictionaries(
            dict.fromkeys(("name", "version", "description", "bom-ref"), HOSTILE),
            optional={
                "purl": st.sampled_from(["pkg:<b>/a/b", "pkg:npm/a@1"]),
                "licenses": HOSTILE.map(lambda text: [{"license": {"name": text}}]),
                "evidence": HOSTILE.map(lambda text: {"occurrences": [{"location": text}]}),
                "supplier": HOSTILE.map(lambda text: {"name": text}),
            },
        ),
        max_size=3,
    ),
    HOSTILE,
)
def test_nothing_in_a_document_becomes_markup(components: list[Any], subject: str) -> None:
    tools = {"components": [{"type": "application", "name": subject}]}
    sbom = read_sbom(
        json.dumps(
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "metadata": {"component": {"name": subject, "type": "container"}, "tools": tools},
                "components": components,
            }
        ).encode()
    )
    assert_harmless(sbom._repr_html_())
    assert_harmless(sbom.packages._repr_html_())
    assert_harmless(Files([ListedFile(subject, owner=subject)])._repr_html_())


def test_twenty_rows_of_a_large_document_are_shown_and_the_rest_counted() -> None:
    components = [{"name": f"part-{n:03}", "purl": f"pkg:npm/part-{n}@1"} for n in range(50)]
    raw = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})
    html = read_sbom(raw.encode())._repr_html_()
    assert html.count("<tr>") == 1 + 20
    assert "30 more of 50" in html
    assert "50 (50 npm)" in html


def test_both_themes_are_styled_and_what_the_notebook_says_outweighs_the_system() -> None:
    html = read_sbom(b'{"bomFormat":"CycloneDX","specVersion":"1.6"}')._repr_html_()
    dark = html.index("prefers-color-scheme:dark")
    for said in ("data-jp-theme-light=true", "data-theme=light", "data-jp-theme-light=false"):
        assert html.index(said) > dark, "a later rule of more weight wins"


def test_a_terminal_shows_the_same_of_a_document_and_no_markup_in_it() -> None:
    raw = b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"[bold]a\\u001b"}]}'
    shown = drawn(read_sbom(raw))
    assert "cyclonedx-1.6" in shown
    assert "[bold]a\\x1b" in shown
    assert "\x1b" not in shown
