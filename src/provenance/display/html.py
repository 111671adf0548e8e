"""HTML for notebooks: a summary and a table, everything escaped, no script, light and dark.

A fresh notebook cell runs script, and names in an SBOM are an attacker's: `escape` is the only
way text gets in here, and the only links made are to http and https.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ROWS", "document", "escape", "link", "summary", "table"]

ROWS = 20
"""Rows of a table that are shown."""
_CELL = 300

_STYLE = """<style>
.pv{font:13px/1.5 system-ui,sans-serif;color:#1f2328;max-width:72em;margin:.4em 0}
.pv h4{margin:0 0 .4em;font-size:14px;font-weight:600}
.pv dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin:0 0 .7em}
.pv dt{color:#59636e}.pv dd{margin:0;overflow-wrap:anywhere}
.pv .wide{overflow-x:auto}
.pv table{font:inherit;color:inherit;border-collapse:collapse;width:100%;margin:0}
.pv th{text-align:left;font-weight:600;color:#59636e;border-bottom:1px solid #d1d9e0}
.pv th,.pv td{padding:.25em .9em .25em 0;vertical-align:top;text-align:left}
.pv td{border-bottom:1px solid #eff2f5;font-variant-numeric:tabular-nums}
.pv .more{color:#59636e;margin:.4em 0 0}.pv a{color:#0969da}
@media (prefers-color-scheme:dark){.pv{color:#e6edf3}.pv dt,.pv th,.pv .more{color:#9198a1}
.pv th{border-color:#3d444d}.pv td{border-color:#262c33}.pv a{color:#4493f8}}
[data-jp-theme-light=false] .pv{color:#e6edf3}
</style>"""


def escape(text: object) -> str:
    """`text` for HTML, with control and bidirectional characters made visible, cut at 300."""
    shown = visible(str(text))
    if len(shown) > _CELL:
        shown = f"{shown[:_CELL]}…"
    return html.escape(shown, quote=True)


def link(url: str, text: object | None = None) -> str:
    """A link, if `url` is http or https; else the escaped text alone."""
    shown = escape(url if text is None else text)
    try:
        safe = urlsplit(url).scheme in {"http", "https"} and url.isprintable() and " " not in url
    except ValueError:
        safe = False
    if not safe:
        return shown
    return f'<a href="{html.escape(url, quote=True)}" rel="noopener noreferrer">{shown}</a>'


def summary(title: str, facts: Mapping[str, object]) -> str:
    """A heading and pairs of name and value."""
    return _wrap(title, _facts(facts))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, total: int) -> str:
    """At most 20 rows, and how many there are in all; to be put in a `document`."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:ROWS]
    )
    more = ""
    if total > min(len(rows), ROWS):
        more = f'<p class="more">{total - min(len(rows), ROWS):,} more of {total:,}</p>'
    rows_html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{rows_html}</div>{more}'


def document(
    title: str,
    facts: Mapping[str, object],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int | None = None,
) -> str:
    """A summary with a table below it. `total` is how many rows there are (None: these)."""
    count = len(rows) if total is None else total
    return _wrap(title, _facts(facts) + table(columns, rows, total=count))


def _facts(facts: Mapping[str, object]) -> str:
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()
    )
    return f"<dl>{pairs}</dl>"


def _wrap(title: str, body: str) -> str:
    return f'{_STYLE}<div class="pv"><h4>{escape(title)}</h4>{body}</div>'
