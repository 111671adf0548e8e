"""Every request of a verification, failing in every manner: never "not found", never more proven.

The requests of each way to verify are recorded, then the verification is played again with one of
them failing. What may come of it: a proof that is marked as not complete, or an error that says
"could not tell" and where.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import public, put_att, put_sig

import provenance as pv
from provenance.digests import Digest
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore, build_index
from provenance.testing.sigstore.schemes import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.testing.registry.faults import Fault
    from provenance.testing.registry.messages import Request, Response

WHO = "release@example.com"
REPOSITORY = "team/app"
SETTINGS = pv.Settings(retries=0, timeout=5, deadline=10)
LIMITS = pv.Limits(pages=5)
CYCLONEDX = "https://cyclonedx.org/bom"
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


@dataclass
class Way:
    """One way to verify, with evidence in its place."""

    registry: LocalRegistry
    image: str
    arguments: dict[str, Any] = field(default_factory=dict)
    proves: bool = True

    def verify(self) -> pv.Verified:
        return pv.verify(self.image, settings=SETTINGS, limits=LIMITS, **self.arguments)


def _bundle(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    del registry
    pv.sign(image, sigstore.signer(WHO))
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer)}


def _tag(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    assert image.digest is not None
    put_sig(registry, image.digest, sigstore.forger(WHO))
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer)}


def _key(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    assert image.digest is not None
    forger = sigstore.forger(key=new_key())
    put_sig(registry, image.digest, forger)
    return {"key": public(forger.key)}


def _att(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    assert image.digest is not None
    put_att(registry, image.digest, CYCLONEDX, SBOM, sigstore.forger(WHO))
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "require": "sbom"}


def _attested(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    del registry
    pv.sign(image, sigstore.signer(WHO))
    pv.attest(image, SBOM, sigstore.signer(WHO), predicate_type=CYCLONEDX)
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "require": "sbom"}


def _named(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    document = json.dumps(SBOM).encode()
    registry.put_blob(REPOSITORY, document)
    said = {"size": len(document), "predicateType": CYCLONEDX}
    named = {"digest": {"sha256": Digest.of(document).hex}, "annotations": said}
    predicate = {"attester": {"id": "https://example.org"}, "references": [named]}
    pv.attest(image, predicate, sigstore.signer(WHO), predicate_type="reference")
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "require": "sbom"}


def _elsewhere(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    place = registry.reference(f"{REPOSITORY}/signatures")
    pv.sign(image, sigstore.signer(WHO), evidence_repository=place)
    identity = pv.Identity(WHO, issuer=sigstore.issuer)
    return {"identity": identity, "evidence_repository": place}


def _through(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    builds = [
        ImageBuilder(platform=name).layer({"a": name.encode()}).build()
        for name in ("linux/amd64", "linux/arm64")
    ]
    build_index(builds, f"{image.reference.name}:1.0")
    pv.sign(registry.reference(f"{REPOSITORY}:1.0"), sigstore.signer(WHO))
    identity = pv.Identity(WHO, issuer=sigstore.issuer)
    return {"identity": identity, "platform": "linux/arm64"}


def _unsigned(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> dict[str, Any]:
    del registry, image
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer)}


def _by_another(registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image) -> Any:
    del registry
    pv.sign(image, sigstore.signer("mallory@example.org"))
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer)}


# Name: whether the registry has the API, whether it proves anything, and what is put there.
WAYS: dict[str, tuple[bool, bool, Callable[..., dict[str, Any]]]] = {
    "bundle by the API": (True, True, _bundle),
    "bundle by the fallback tag": (False, True, _bundle),
    "older tag": (True, True, _tag),
    "older tag, no API": (False, True, _tag),
    "older tag by key": (True, True, _key),
    "attestation by the API": (True, True, _attested),
    "attestation at the older tag": (True, True, _att),
    "document that a reference names": (True, True, _named),
    "in another repository": (True, True, _elsewhere),
    "through an index": (True, True, _through),
    "unsigned": (True, False, _unsigned),
    "unsigned, no API": (False, False, _unsigned),
    "signed by another": (True, False, _by_another),
}


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2")) as running:
        yield running


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, sigstore: LocalSigstore) -> Iterator[Way]:
    api, proves, prepare = WAYS[request.param]
    with LocalRegistry(referrers_api=api) as registry:
        tag = registry.reference(f"{REPOSITORY}:1.0")
        ImageBuilder().layer({"a": request.param.encode()}).push(tag)
        arguments = prepare(registry, sigstore, pv.resolve(tag))
        registry.html("^/login$")
        yield Way(registry, tag, {"trust": sigstore.trust, **arguments}, proves)


def _endless(_request: Request, response: Response) -> Response:
    number = next(_NUMBERS)
    link = f'<{_request.path}?page={number}>; rel="next"'
    return replace(response, headers={**response.headers, "Link": link})


_NUMBERS = itertools.count()

# Each puts a fault in force for the requests that match.
MANNERS: dict[str, Callable[..., Fault]] = {
    "429": lambda r, p, **w: r.fail(p, 429, headers={"Retry-After": "3600"}, **w),
    "401": lambda r, p, **w: r.fail(p, 401, **w),
    "403": lambda r, p, **w: r.fail(p, 403, **w),
    "500": lambda r, p, **w: r.fail(p, 500, **w),
    "503": lambda r, p, **w: r.fail(p, 503, **w),
    "no answer": lambda r, p, **w: r.disconnect(p, **w),
    "cut": lambda r, p, **w: r.cut(p, 7, **w),
    "truncated page": lambda r, p, **w: r.cut_page(p, 7, **w),
    "empty page": lambda r, p, **w: r.cut_page(p, 0, **w),
    "HTML 200": lambda r, p, **w: r.html(p, **w),
    "wrong content type": lambda r, p, **w: r.set_header(p, "Content-Type", "text/plain", **w),
    "endless page": lambda r, p, **w: r.alter(p, _endless, **w),
    "redirect to a login page": lambda r, p, **w: r.redirect(p, "/login", **w),
    "redirect elsewhere": lambda r, p, **w: r.redirect(p, "http://localhost:9/login", **w),
}


# What these do, they do to the body of an answer.
BODIES = {"cut", "truncated page", "empty page"}
CONTENT = {*BODIES, "wrong content type", "endless page"}


def test_a_verification_that_nothing_disturbs_ends_as_it_should(way: Way) -> None:
    if way.proves:
        assert way.verify().complete
    else:
        with pytest.raises(pv.NoMatchingEvidence):
            way.verify()


@pytest.mark.parametrize("manner", MANNERS)
def test_no_request_that_fails_makes_it_unsigned_or_proves_more(way: Way, manner: str) -> None:
    way.registry.clear_requests()
    _end(way)
    recorded = [(r.method, r.path, r.status) for r in way.registry.requests]
    assert recorded
    for number, (method, path, status) in enumerate(recorded):
        if (manner in BODIES and method == "HEAD") or (manner in CONTENT and status >= 400):
            continue  # the content of such an answer says nothing that anybody needs
        same = recorded[:number].count((method, path, status))
        pattern = f"^{re.escape(path)}$"
        way.registry.clear_requests()
        fault = MANNERS[manner](way.registry, pattern, method=method, skip=same, times=None)
        told = f"{manner} at {method} {path}"
        result = _end(way)
        fault.remove()
        assert fault.hits, told
        _judge(way, result, told, path)


def _end(way: Way) -> pv.Verified | pv.ProvenanceError:
    try:
        return way.verify()
    except pv.ProvenanceError as error:
        return error


def _judge(way: Way, result: pv.Verified | pv.ProvenanceError, told: str, path: str) -> None:
    # Complete, and a no, only where it makes no difference: the answer was whole under another
    # name, or the same was asked once more (a GET after a HEAD that said nothing) and answered.
    again = any(r.method == "GET" and r.path == path for r in way.registry.requests)
    listing = "/referrers/" in path
    learnt = (told.startswith(_HARMLESS) and not listing) or (" HEAD " in told and again)
    if isinstance(result, pv.Verified):
        assert way.proves, told
        assert result.proofs, told
        assert learnt or not result.complete, told
    elif not (learnt and isinstance(result, pv.NoMatchingEvidence) and not way.proves):
        assert not isinstance(result, (pv.VerificationError, pv.NotFound)), f"{told}: {result!r}"
        named = str(result)
        place = f"{way.registry.host}/{REPOSITORY}"
        assert path.rpartition("/")[2] in named or place in named, f"{told}: {named}"


# Of what is no listing: its digest tells what it is, and it has no pages.
_HARMLESS = ("wrong content type", "endless page")
