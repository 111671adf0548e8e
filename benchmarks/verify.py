"""Proving a signature: requests of a `verify`, and whole commands against cosign.

Bars: by digest, with the referrers API and one bundle, at most three requests; with N bundles at
most 1 + 2N; by tag one more. At cosign's older tag, where the API lists nothing, at most four by
digest: list, fallback tag, `.sig`, payload. "Not found" comes only after the referrers API, the
fallback tag and cosign's older tags were all asked. The command is timed beside `cosign verify`;
the ratio is told, no bar set.

With `--images N` (a thousand is what the bars are for) N images on loopback are verified, each with
a keyless bundle of its own, by 16 threads: in one process, and in a pool of as many processes as
there are processors. Bars, for the pool: at least 5 times as fast an image as `cosign verify` in a
loop, and at most 1.5 times what the same requests by urllib3 and the same signatures by
cryptography take in as many threads of one process (verify_many.py). One process is told in the
same terms. Imports, the trust root and the first verification are told apart, and so is the start
of the pool, which has all of these behind it when its clock starts. The registry is olareg where
it is installed, in a process of its own; all share the machine's processors.

    python benchmarks/verify.py [--json] [--check] [--runs N] [--images N [--threads 16]]
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
from side_by_side import finish, options, peer, take_turns, told

import provenance as pv
from provenance.evidence.storing import store_bundle
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.evidence.claims import Layout

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


def requests_otherwise(registry: LocalRegistry, sigstore: LocalSigstore) -> dict[str, int]:
    """Of a positive `verify` by tag, and by digest of an image signed at cosign's older tag."""
    found = {}
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    ways: dict[str, Layout] = {"by tag": "bundle", "older tag": "legacy"}
    for name, layout in ways.items():
        tag = registry.reference(f"{layout}:1")
        ImageBuilder().layer({"a": name}).push(tag)
        pv.sign(tag, sigstore.signer(WHO), layout=layout)
        place = tag if layout == "bundle" else str(pv.resolve(tag).reference)
        with counted(registry) as asked:
            pv.verify(place, who, trust=sigstore.trust)
        found[name] = len(asked)
    return found


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


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A registry with the referrers API: olareg in its own process, or else the embedded one."""
    program = peer("olareg")
    if program is None:
        with LocalRegistry() as registry:
            yield registry.host
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ("--addr", "127.0.0.1", "--port", str(port), "--dir", str(folder / "store"))
    command = [program, "serve", *where]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                with contextlib.suppress(urllib3.exceptions.HTTPError):
                    urllib3.request("GET", f"http://127.0.0.1:{port}/v2/", retries=False)
                    break
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


def many_images(host: str, sigstore: LocalSigstore, count: int) -> list[str]:
    """Images in one repository, each with a bundle by a certificate of its own."""
    tags = []
    with pv.Registry() as session:
        for number in range(count):
            tag = f"{host}/team/many:{number}"
            ImageBuilder().layer({"a": f"image {number}"}).push(tag, registry=session)
            image = pv.resolve(tag, registry=session)
            statement: dict[str, Any] = {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": str(image.digest).partition(":")[2]}}],
                "predicateType": "https://sigstore.dev/cosign/sign/v1",
                "predicate": {},
            }
            bundle = sigstore.forger(WHO).statement(json.dumps(statement).encode())
            raw = json.dumps(bundle).encode()
            store_bundle(image, raw, statement["predicateType"], "signature")
            tags.append(tag)
    return tags


def in_a_loop(
    images: Sequence[str], root: Path, sigstore: LocalSigstore, home: str
) -> float | None:
    """Seconds an image that `cosign verify` takes, one after the other; None: there is none."""
    cosign = peer("cosign")
    if cosign is None:
        return None
    question = [
        *("--trusted-root", str(root), "--certificate-identity", WHO),
        *("--certificate-oidc-issuer", sigstore.issuer, "--allow-http-registry"),
    ]
    start = time.perf_counter()
    for image in images:
        command = [cosign, "verify", *question, image]
        done = subprocess.run(command, check=False, capture_output=True, env={"HOME": home})
        if done.returncode:
            sys.exit(f"cosign ended with {done.returncode}: {done.stderr.decode()}")
    return (time.perf_counter() - start) / len(images)


def in_bulk(
    sigstore: LocalSigstore, folder: Path, count: int, threads: int, runs: int
) -> dict[str, Any]:
    """What `count` images take us both ways, and the floor, in turns; a few cosign in a loop."""
    root = sigstore.write_trusted_root(folder / "many_root.json")
    with served(folder) as host:
        images = many_images(host, sigstore, count)
        job = folder / "job.json"
        told_to = {"root": str(root), "identity": WHO, "issuer": sigstore.issuer}
        job.write_text(json.dumps({"images": images, "threads": threads, **told_to}))
        script = str(Path(__file__).with_name("verify_many.py"))
        taken: dict[str, list[dict[str, float]]] = {side: [] for side in ("ours", "pool", "floor")}
        for _ in range(runs):
            for side, values in taken.items():
                command = [sys.executable, script, side, str(job)]
                done = subprocess.run(command, check=False, capture_output=True)
                if done.returncode:
                    sys.exit(f"{side} ended with {done.returncode}: {done.stderr.decode()}")
                values.append(json.loads(done.stdout))
        loop = in_a_loop(images[: min(count, 10)], root, sigstore, str(folder))
    best = {side: min(values, key=lambda v: v["seconds"]) for side, values in taken.items()}
    ours, pool, floor = best["ours"], best["pool"], best["floor"]

    def times_cosign(seconds: float) -> float | None:
        return None if loop is None else round(loop * count / seconds, 1)

    return {
        "images": count,
        "processes": pool["processes"],
        "seconds": round(pool["seconds"], 2),
        "one_process_seconds": round(ours["seconds"], 2),
        "one_process_cpu_seconds": round(ours["cpu"], 2),
        "floor_seconds": round(floor["seconds"], 2),
        "floor_cpu_seconds": round(floor["cpu"], 2),
        "times_floor": round(pool["seconds"] / floor["seconds"], 2),
        "one_process_times_floor": round(ours["seconds"] / floor["seconds"], 2),
        "cosign_ms_an_image": None if loop is None else round(loop * 1000, 1),
        "times_cosign": times_cosign(pool["seconds"]),
        "one_process_times_cosign": times_cosign(ours["seconds"]),
        "import_ms": round(ours["import"] * 1000, 1),
        "trust_ms": round(ours["trust"] * 1000, 1),
        "first_ms": round(ours["first"] * 1000, 1),
        "pool_start_ms": round(pool["start"] * 1000, 1),
    }


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=7)
    parser.add_argument("--images", type=int, default=0, help="verify so many at once")
    parser.add_argument("--threads", type=int, default=16, help="for --images")
    chosen = parser.parse_args()
    with (
        LocalRegistry() as registry,
        LocalSigstore(rekor=("v1", "v2")) as sigstore,
        tempfile.TemporaryDirectory() as folder,
    ):
        counts = {bundles: requests(registry, sigstore, bundles) for bundles in (1, 3)}
        otherwise = requests_otherwise(registry, sigstore)
        asked = places_before_not_found(registry, sigstore)
        surroundings = {"HOME": folder}  # cosign keeps its caches there
        timed = take_turns(
            commands(registry, sigstore, Path(folder)), chosen.runs, environment=surroundings
        )
        bulk: dict[str, Any] = {}
        if chosen.images:
            bulk = in_bulk(sigstore, Path(folder), chosen.images, chosen.threads, chosen.runs)
    times = told(timed)
    short = [f"{n} bundles: {c} requests" for n, c in counts.items() if c > 1 + 2 * n]
    short += [f"{name}: {c} requests" for name, c in otherwise.items() if c > 4]
    short += [f"not found without asking the {place}" for place, was in asked.items() if not was]
    lines = [f"{n} bundles: {c} requests (bar {1 + 2 * n})" for n, c in counts.items()]
    lines += [f"{name}: {c} requests (bar 4)" for name, c in otherwise.items()]
    lines += [f"before 'not found', {p}: {'asked' if was else 'no'}" for p, was in asked.items()]
    lines += [
        f"{name:12} {t['median_ms']:7} ms ({t['min_ms']} to {t['max_ms']})"
        for name, t in times.items()
    ]
    figures: dict[str, Any] = {
        "requests": counts,
        "otherwise": otherwise,
        "asked_before_not_found": asked,
        "times": times,
    }
    missing = [] if "cosign" in times else ["cosign"]
    if not missing:
        ratio = round(times["provenance"]["median_ms"] / times["cosign"]["median_ms"], 2)
        figures["ratio"] = ratio
        lines.append(f"we take {ratio} of the time cosign takes")
    if bulk:
        figures["bulk"] = bulk
        lines += [f"{name.replace('_', ' '):24} {value}" for name, value in bulk.items()]
        if bulk["times_cosign"] is not None and bulk["times_cosign"] < 5:
            short.append(f"{bulk['times_cosign']} times as fast as cosign in a loop (bar 5)")
        if bulk["times_floor"] > 1.5:
            short.append(f"{bulk['times_floor']} times the floor (bar 1.5)")
    finish(chosen, figures, lines, missing=missing, short=short)


if __name__ == "__main__":
    main()
