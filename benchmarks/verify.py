"""Proving a signature: requests of a `verify`, and whole commands against cosign.

Bars: by digest, with the referrers API and one bundle, at most three requests; with N bundles at
most 1 + 2N. "Not found" comes only after the referrers API, the fallback tag and cosign's older
tags were all asked. The command is timed beside `cosign verify`; the ratio is told, no bar set.

    python benchmarks/verify.py [--json] [--check] [--runs N]
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from side_by_side import finish, options, peer, take_turns, told

import provenance as pv
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = "release@example.com"


@contextlib.contextmanager
def counted(registry: LocalRegistry) -> Iterator[list[str]]:
    """What was asked inside of the block, once it is left."""
    asked: list[str] = []
    registry.clear_requests()
    yield asked
    asked += [f"{request.method} {request.path}" for request in registry.requests]


def requests(registry: LocalRegistry, sigstore: LocalSigstore, bundles: int) -> int:
    """Of a positive `verify` by digest, with that many bundles beside the image."""
    tag = registry.reference(f"app-{bundles}:1")
    ImageBuilder().layer({"a": f"{bundles}"}).push(tag)
    image = pv.resolve(tag)
    for _ in range(bundles):
        pv.sign(image, sigstore.signer(WHO))
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    with counted(registry) as asked:
        verified = pv.verify(str(image.reference), who, trust=sigstore.trust)
    if len(verified.signatures) != bundles:
        sys.exit(f"{len(verified.signatures)} of {bundles} signatures were proven")
    return len(asked)


def places_before_not_found(registry: LocalRegistry, sigstore: LocalSigstore) -> dict[str, bool]:
    """Which placements a `verify` of an unsigned image asked."""
    tag = registry.reference("unsigned:1")
    ImageBuilder().layer({"a": "unsigned"}).push(tag)
    image = pv.resolve(tag)
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    with counted(registry) as asked, contextlib.suppress(pv.NoMatchingEvidence):
        pv.verify(image, who, trust=sigstore.trust)
    stem = f"/manifests/{str(image.digest).replace(':', '-')}"
    return {
        "referrers API": any(f"/referrers/{image.digest}" in a for a in asked),
        **{
            f"tag {suffix or 'fallback'}": any(a.endswith(stem + suffix) for a in asked)
            for suffix in ("", ".sig", ".att")
        },
    }


def commands(
    registry: LocalRegistry, sigstore: LocalSigstore, folder: Path
) -> dict[str, list[str]]:
    """The same question, asked of each program."""
    tag = registry.reference("timed:1")
    ImageBuilder().layer({"a": "timed"}).push(tag)
    image = pv.resolve(tag)
    pv.sign(image, sigstore.signer(WHO))
    root = sigstore.write_trusted_root(folder / "trusted_root.json")
    question = [
        *("--trusted-root", str(root), "--certificate-identity", WHO),
        *("--certificate-oidc-issuer", sigstore.issuer, str(image.reference)),
    ]
    found = {"provenance": [sys.executable, "-m", "provenance", "verify", *question]}
    if cosign := peer("cosign"):
        found["cosign"] = [cosign, "verify", "--allow-http-registry", *question]
    return found


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    chosen = options(__doc__, runs=7).parse_args()
    with (
        LocalRegistry() as registry,
        LocalSigstore() as sigstore,
        tempfile.TemporaryDirectory() as folder,
    ):
        counts = {bundles: requests(registry, sigstore, bundles) for bundles in (1, 3)}
        asked = places_before_not_found(registry, sigstore)
        surroundings = {"HOME": folder}  # cosign keeps its caches there
        timed = take_turns(
            commands(registry, sigstore, Path(folder)), chosen.runs, environment=surroundings
        )
    times = told(timed)
    short = [f"{n} bundles: {c} requests" for n, c in counts.items() if c > 1 + 2 * n]
    short += [f"not found without asking the {place}" for place, was in asked.items() if not was]
    lines = [f"{n} bundles: {c} requests (bar {1 + 2 * n})" for n, c in counts.items()]
    lines += [f"before 'not found', {p}: {'asked' if was else 'no'}" for p, was in asked.items()]
    lines += [
        f"{name:12} {t['median_ms']:7} ms ({t['min_ms']} to {t['max_ms']})"
        for name, t in times.items()
    ]
    figures = {"requests": counts, "asked_before_not_found": asked, "times": times}
    missing = [] if "cosign" in times else ["cosign"]
    if not missing:
        ratio = round(times["provenance"]["median_ms"] / times["cosign"]["median_ms"], 2)
        figures["ratio"] = ratio
        lines.append(f"we take {ratio} of the time cosign takes")
    finish(chosen, figures, lines, missing=missing, short=short)


if __name__ == "__main__":
    main()
