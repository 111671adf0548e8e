"""From a tag to a digest: whole commands against oras and crane, and requests against one.

Bars: `provenance.resolve` of a tag is one request once a token is held. The command is timed
beside `oras resolve` and `crane digest` (compiled programs); their ratios are told, no bar set.
crane is one of the peers of `tests/peers/install.py --full`: it is named where it is missing, and
only `--check --full` minds.

    python benchmarks/resolve.py [--json] [--check [--full]] [--runs N]
"""

from __future__ import annotations

import sys

from side_by_side import finish, options, peer, take_turns, told

import provenance as pv
from provenance.testing import ImageBuilder, LocalRegistry

BAR_REQUESTS = 1


def requests_with_a_token_held() -> int:
    """Counted by the registry."""
    with LocalRegistry(auth="bearer", username="u", password="p") as registry:
        tag = registry.reference("app:1")
        with pv.Registry(credentials={registry.host: ("u", "p")}) as session:
            ImageBuilder().layer({"a": b"b"}).push(tag, registry=session)
            pv.resolve(tag, registry=session)
            registry.clear_requests()
            pv.resolve(tag, registry=session)
            return len(registry.requests)


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=9)
    parser.add_argument("--full", action="store_true", help="mind the heavy peers too")
    chosen = parser.parse_args()
    requests = requests_with_a_token_held()
    with LocalRegistry() as registry:
        tag = registry.reference("app:1")
        ImageBuilder().layer({"a": b"b"}).push(tag)
        commands = {"provenance": [sys.executable, "-m", "provenance", "resolve", tag]}
        for name, words in (("oras", ("resolve", "--plain-http")), ("crane", ("digest",))):
            if found := peer(name):
                commands[name] = [found, *words, tag]
        times = told(take_turns(commands, chosen.runs))
    ours = times["provenance"]["median_ms"]
    ratios = {n: round(ours / t["median_ms"], 1) for n, t in times.items() if n != "provenance"}
    lines = [f"requests with a token held: {requests} (bar {BAR_REQUESTS})"]
    for name, t in times.items():
        beside = f"; we take {ratios[name]} times as long" if name in ratios else ""
        lines.append(f"{name:12} {t['median_ms']:7} ms ({t['min_ms']} to {t['max_ms']}){beside}")
    wanted = ("oras", "crane") if chosen.full else ("oras",)
    finish(
        chosen,
        {"requests": requests, "times": times, "ratios": ratios},
        lines,
        missing=[name for name in wanted if name not in times],
        short=["one request"] if requests != BAR_REQUESTS else [],
    )


if __name__ == "__main__":
    main()
