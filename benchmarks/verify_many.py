"""The sides of `verify.py --images N`: each verifies the images of a job, and tells what it took.

    python benchmarks/verify_many.py ours|pool|floor JOB.json

`ours` is `verify_all` in threads of one process, `pool` the same by a pool of processes, one a
processor, that share the threads. They are started, have imported everything and verified one image
each before the clock starts: `start` tells what that took.

`floor` sends the same requests by urllib3 alone, hashes what came, and does the public-key
operations that no verification can leave out or remember: the certificate's own signature, its
promise by a certificate log, the envelope's, the checkpoint's, and the timestamp (RFC 3161, by
rfc3161-client). The data of the promise and the checkpoint is not put together again: their
signatures are done over the envelope.
"""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)


def main() -> None:
    """Do the job as the side that is named, and print what it took as JSON."""
    side, file = sys.argv[1:]
    job = json.loads(Path(file).read_text())
    print(json.dumps({"ours": ours, "pool": pool, "floor": floor}[side](job)))


def ours(job: dict[str, Any]) -> dict[str, float]:
    """`verify_all`."""
    start = time.perf_counter()
    import provenance as pv
    from provenance.evidence import verify_all

    who = pv.Identity(job["identity"], issuer=job["issuer"])
    imported = time.perf_counter()
    trust = pv.Trust.from_file(job["root"])
    _ = trust.material
    loaded = time.perf_counter()
    first = pv.verify(job["images"][0], who, trust=trust)  # what is imported late, and caches
    warm, cpu = time.perf_counter(), _cpu()
    answers = verify_all(job["images"], who, trust=trust, workers=job["threads"])
    for answer in answers:
        if not answer.require().signatures:
            sys.exit(f"{answer.image} is not proven to be signed")
    return {
        "import": imported - start,
        "trust": loaded - imported,
        "first": warm - loaded,
        "seconds": time.perf_counter() - warm,
        "cpu": _cpu() - cpu,
        "proofs": len(first.proofs),
    }


def pool(job: dict[str, Any]) -> dict[str, float]:
    """`verify_all` by processes, as many as there are processors."""
    import provenance as pv
    from provenance.evidence import verify_all

    count = len(os.sched_getaffinity(0))
    who = pv.Identity(job["identity"], issuer=job["issuer"])
    trust = pv.Trust.from_file(job["root"])
    settings = replace(pv.Settings.from_environment(), workers=-(-job["threads"] // count))
    spawn = multiprocessing.get_context("spawn")
    start = time.perf_counter()
    with ProcessPoolExecutor(
        count, mp_context=spawn, initializer=_begin, initargs=(job, spawn.Barrier(count))
    ) as executor:
        for begun in [executor.submit(os.getpid) for _ in range(count)]:
            begun.result()
        warm = time.perf_counter()
        answers = verify_all(
            *(job["images"], who),
            trust=trust,
            settings=settings,
            workers=job["threads"],
            executor=executor,
        )
        for answer in answers:
            if not answer.require().signatures:
                sys.exit(f"{answer.image} is not proven to be signed")
        seconds = time.perf_counter() - warm
    return {"start": warm - start, "seconds": seconds, "processes": count}


def _begin(job: dict[str, Any], all_begun: Any) -> None:
    """Verify an image in a new process, and wait for the others."""
    import provenance as pv

    who = pv.Identity(job["identity"], issuer=job["issuer"])
    pv.verify(job["images"][0], who, trust=pv.Trust.from_file(job["root"]))
    all_begun.wait()


def floor(job: dict[str, Any]) -> dict[str, float]:
    """Bare requests and bare signatures."""
    import urllib3
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from rfc3161_client import decode_timestamp_response

    root = json.loads(Path(job["root"]).read_text())
    chain = root["certificateAuthorities"][0]["certChain"]["certificates"]
    issuer = x509.load_der_x509_certificate(base64.b64decode(chain[0]["rawBytes"]))
    above: Any = issuer.public_key()
    clock = _clock(root)
    pool = urllib3.PoolManager(maxsize=job["threads"], retries=False)
    sha256 = ec.ECDSA(hashes.SHA256())

    def get(url: str, accept: str) -> bytes:
        answer = pool.request("GET", url, headers={"Accept": accept})
        if answer.status != 200:
            sys.exit(f"{url}: {answer.status}")
        hashlib.sha256(answer.data).hexdigest()
        return answer.data

    def one(image: str) -> None:
        host, _, rest = image.partition("/")
        name, _, tag = rest.rpartition(":")
        base = f"http://{host}/v2/{name}"
        head = pool.request("HEAD", f"{base}/manifests/{tag}", headers={"Accept": ACCEPT})
        digest = head.headers["Docker-Content-Digest"]
        listed = json.loads(get(f"{base}/referrers/{digest}", "application/json"))
        manifest = json.loads(get(f"{base}/manifests/{listed['manifests'][0]['digest']}", ACCEPT))
        bundle = json.loads(get(f"{base}/blobs/{manifest['layers'][0]['digest']}", "*/*"))
        raw = bundle["verificationMaterial"]["certificate"]["rawBytes"]
        leaf = x509.load_der_x509_certificate(base64.b64decode(raw))
        hashed = leaf.signature_hash_algorithm
        assert hashed is not None  # noqa: S101 - ECDSA has one
        above.verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(hashed))
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        kind = envelope["payloadType"]
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        key: Any = leaf.public_key()
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for _ in range(3):
            key.verify(signature, signed, sha256)
        stamps = bundle["verificationMaterial"]["timestampVerificationData"]
        stamp = base64.b64decode(stamps["rfc3161Timestamps"][0]["signedTimestamp"])
        clock.verify_message(decode_timestamp_response(stamp), signature)

    one(job["images"][0])
    start, cpu = time.perf_counter(), _cpu()
    with ThreadPoolExecutor(job["threads"]) as threads:
        for _ in threads.map(one, job["images"]):
            pass
    return {"seconds": time.perf_counter() - start, "cpu": _cpu() - cpu}


def _clock(root: dict[str, Any]) -> Any:
    """What verifies timestamps of the trust root's first authority."""
    from cryptography import x509
    from rfc3161_client import VerifierBuilder

    times = root["timestampAuthorities"][0]["certChain"]["certificates"]
    clocks = [x509.load_der_x509_certificate(base64.b64decode(c["rawBytes"])) for c in times]
    builder = VerifierBuilder(tsa_certificate=clocks[0], roots=clocks[-1:])
    for between in clocks[1:-1]:
        builder = builder.add_intermediate_certificate(between)
    return builder.build()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
