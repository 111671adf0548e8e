from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from provenance.display.html import document, escape, link, summary
from provenance.display.terminal import facts, grid, tree
from provenance.display.text import visible


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


ALLOWED = {
    *("style", "div", "h4", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
    *("p", "a"),
}


@given(st.text(), st.text(), st.text())
def test_no_text_becomes_markup(title: str, name: str, cell: str) -> None:
    parsed = Parsed(document(title, {name: cell}, (name,), [(cell,)], total=5))
    assert parsed.tags <= ALLOWED
    assert all(name in {"class", "href", "rel"} for name, _ in parsed.attributes)


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://example.org/a?b=1&c", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("https://exa mple.org", False),
        ("//example.org", False),
        ("https://[", False),
        ('https://x/"><script>', True),
    ],
)
def test_links_lead_to_the_web_only(url: str, *, made: bool) -> None:
    parsed = Parsed(link(url))
    assert ("a" in parsed.tags) is made
    assert "script" not in parsed.tags


@given(st.text())
def test_visible_text_hides_and_moves_nothing(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]", shown)
    assert visible(shown) == shown


def test_long_cells_are_cut_and_there_is_a_dark_style() -> None:
    assert len(escape("x" * 1000)) < 310
    assert "prefers-color-scheme:dark" in summary("t", {})


def test_markup_of_the_terminal_library_does_nothing_either() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    hostile = "[bold red]x[/]\x1b]8;;http://evil\x1b\\"
    console.print(grid(("name",), [(hostile,)]))
    console.print(facts({hostile: hostile}))
    console.print(tree(hostile, [(hostile, [])]))
    shown = out.getvalue()
    assert "[bold red]x[/]" in shown
    assert "\x1b]8" not in shown
