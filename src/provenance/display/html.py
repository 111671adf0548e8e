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

__all__ = ["ROWS", "document", "escape", "link", "page", "summary", "table"]

ROWS = 20
"""Rows of a table that are shown."""
_CELL = 300

_LIGHT = (
    "color-scheme:light;--pv-text:#1f2328;--pv-dim:#59636e;--pv-line:#d1d9e0;--pv-row:#eff2f5;"
    "--pv-link:#0969da"
)
_DARK = (
    "color-scheme:dark;--pv-text:#e6edf3;--pv-dim:#9198a1;--pv-line:#3d444d;--pv-row:#262c33;"
    "--pv-link:#4493f8"
)
# What the notebook, the editor or the page around says of itself outweighs the system.
_STYLE = f"""<style>
.pv{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{.pv{{{_DARK}}}}}
[data-jp-theme-light=true] .pv,[data-theme=light] .pv,.vscode-light .pv{{{_LIGHT}}}
[data-jp-theme-light=false] .pv,[data-theme=dark] .pv,.vscode-dark .pv{{{_DARK}}}
.pv{{font:13px/1.5 system-ui,sans-serif;color:var(--pv-text);max-width:72em;margin:.4em 0}}
.pv h4{{margin:0 0 .4em;font-size:14px;font-weight:600}}
.pv dl{{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin:0 0 .7em}}
.pv dt{{color:var(--pv-dim)}}.pv dd{{margin:0;overflow-wrap:anywhere}}
.pv .wide{{overflow-x:auto}}
.pv table{{font:inherit;color:inherit;border-collapse:collapse;width:100%;margin:0}}
.pv tr,.pv th,.pv td{{background:none}}
.pv th{{font-weight:600;color:var(--pv-dim);border-bottom:1px solid var(--pv-line)}}
.pv th,.pv td{{padding:.25em .9em .25em 0;vertical-align:top;text-align:left}}
.pv td{{border-bottom:1px solid var(--pv-row);font-variant-numeric:tabular-nums}}
.pv td{{max-width:28em;overflow-wrap:break-word}}
.pv .more{{color:var(--pv-dim);margin:.4em 0 0}}.pv a{{color:var(--pv-link)}}
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


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int,
    limit: int | None = ROWS,
) -> str:
    """At most `limit` rows (None: all), and how many there are in all; for a `document`."""
    shown = rows[:limit]
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in shown
    )
    more = ""
    if total > len(shown):
        more = f'<p class="more">{total - len(shown):,} more of {total:,}</p>'
    rows_html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{rows_html}</div>{more}'


def document(
    title: str,
    facts: Mapping[str, object],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int | None = None,
    limit: int | None = ROWS,
) -> str:
    """A summary with a table below it. `total` is how many rows there are (None: these)."""
    count = len(rows) if total is None else total
    return _wrap(title, _facts(facts) + table(columns, rows, total=count, limit=limit))


def page(title: str, body: str) -> str:
    """A whole page around a `document`."""
    scheme = '<meta name="color-scheme" content="light dark">'
    head = f'<!doctype html><meta charset="utf-8">{scheme}<title>{escape(title)}</title>'
    return f"{head}{body}\n"


def _facts(facts: Mapping[str, object]) -> str:
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()
    )
    return f"<dl>{pairs}</dl>"


def _wrap(title: str, body: str) -> str:
    return f'{_STYLE}<div class="pv"><h4>{escape(title)}</h4>{body}</div>'
