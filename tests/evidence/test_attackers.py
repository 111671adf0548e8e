"""Attackers who write to the registry and sign as themselves: what they put there, who refuses it.

The victim signs as `WHO`. Each attack is refused by the step that is named; nothing of it is
reported as proven.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.evidence.placing import DSSE, IN_TOTO, SIMPLE, payload, put_layers, statement, subject_of

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.digests import Digest
from provenance.oci import media_types as mt
from provenance.oci.repository import digest_tag
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.sigstore import Forger, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

WHO = "release@example.com"
MALLORY = "mallory@example.org"
COSIGN = "dev.sigstore.cosign/"
OTHER = Digest.of(b"another image")


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    """With both versions of Rekor."""
    with LocalSigstore(rekor=("v1", "v2")) as running:
        yield running


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"bin/app": b"1"}).push(tag)
    return pv.resolve(tag)


def forger(sigstore: LocalSigstore, name: str = WHO, **options: Any) -> Forger:
    """Logged by Rekor 1, whose entries fit into annotations too.

    Certified a minute ago: no other signature was made before, whatever its parts are mixed with.
    """
    then = sigstore.now() - dt.timedelta(minutes=1)
    made = sigstore.forger(name, certified_at=then, **options)
    return replace(made, log=sigstore.logs[0])


def who(sigstore: LocalSigstore) -> pv.Identity:
    return pv.Identity(WHO, issuer=sigstore.issuer)


def put_bundle(registry: LocalRegistry, image: pv.Image, bundle: Mapping[str, Any]) -> None:
    said: dict[str, str] = {}
    layers = [(json.dumps(bundle).encode(), BUNDLE_MEDIA_TYPE, said)]
    subject = subject_of(image)
    put_layers(registry, layers, subject=subject, artifact_type=BUNDLE_MEDIA_TYPE)


def refused(image: pv.Image, sigstore: LocalSigstore) -> list[str]:
    """The steps that refused what is there, none of which is proven."""
    with pytest.raises((pv.NoMatchingEvidence, pv.NotEvaluated)):
        pv.verify(image, who(sigstore), trust=sigstore.trust)
    return [item.step for item in pv.examine(image, who(sigstore), trust=sigstore.trust)]


BUNDLES: dict[str, tuple[Callable[[LocalSigstore, Digest], dict[str, Any]], str]] = {
    "a signature of another image": (
        lambda s, _: forger(s).statement(statement(OTHER)),
        "subject",
    ),
    "the image's digest under the name of another algorithm": (
        lambda s, d: forger(s).statement(
            statement(d).replace(b'"sha256"', b'"sha512"'),
        ),
        "subject",
    ),
    "the image's digest in capitals": (
        lambda s, d: forger(s).statement(
            statement(d).replace(d.hex.encode(), d.hex.upper().encode()),
        ),
        "subject",
    ),
    "the image's digest in an annotation of another subject": (
        lambda s, d: forger(s).statement(statement(OTHER, sha256=d.hex)),
        "subject",
    ),
    "two subjects' worth of keys in one": (
        lambda s, d: forger(s).statement(
            statement(d).replace(b'{"digest":', b'{"digest": {"sha256": "00"}, "digest":'),
        ),
        "statement",
    ),
    "a payload for older signatures, signed as an envelope": (
        lambda s, d: forger(s).statement(payload(d), payload_type=SIMPLE),
        "payload-type",
    ),
    "a payload for older signatures, called a statement": (
        lambda s, d: forger(s).statement(payload(d)),
        "statement",
    ),
    "a statement of a payload type that is none of it": (
        lambda s, d: forger(s).statement(statement(d), payload_type="application/json"),
        "payload-type",
    ),
    "a payload type with a blank": (
        lambda s, d: forger(s).statement(
            statement(d), payload_type="application/vnd.in-toto+json "
        ),
        "payload-type",
    ),
    "bytes that are a statement, signed as bytes": (
        lambda s, d: forger(s).blob(statement(d)),
        "",
    ),
    "mallory's own signature": (
        lambda s, d: forger(s, MALLORY).statement(statement(d)),
        "identity",
    ),
    "a name that begins with the victim's": (
        lambda s, d: forger(s, f"{WHO}.evil.example").statement(statement(d)),
        "identity",
    ),
    "a name with the victim's in its second line": (
        lambda s, d: forger(s, f"https://evil.example/\n{WHO}").statement(statement(d)),
        "identity",
    ),
    "the victim's name by an issuer with a slash more": (
        lambda s, d: replace(forger(s), issuer=f"{s.issuer}/").statement(statement(d)),
        "identity",
    ),
    "the victim's certificate beside mallory's signature": (
        lambda s, d: _with_part(
            forger(s, MALLORY).statement(statement(d)),
            forger(s).statement(statement(d)),
            "certificate",
        ),
        "signature",
    ),
    "the victim's certificate and log entry beside mallory's signature": (
        lambda s, d: _with_part(
            forger(s, MALLORY, stamped=False).statement(statement(d)),
            forger(s, stamped=False).statement(statement(d)),
            *("certificate", "tlogEntries"),
        ),
        "signature",
    ),
    "a timestamp of another signature": (
        lambda s, d: _with_part(
            forger(s).statement(statement(d)),
            forger(s).statement(statement(d)),
            "timestampVerificationData",
        ),
        "time",
    ),
    "a hint of a key beside the certificate": (
        lambda s, d: _with_key(forger(s).statement(statement(d))),
        "malformed-document",
    ),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_proves_nothing(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore, name: str
) -> None:
    make, step = BUNDLES[name]
    put_bundle(local_registry, image, make(sigstore, image.descriptor.digest))
    steps = refused(image, sigstore)
    assert steps == [step] if step else len(steps) == 1


PREDICATE_TYPES = (
    "signature",
    "https://sigstore.dev/cosign/sign/v1/extra",
    "https://sigstore.dev/cosign/sign/v1\n",
    "https://sigstore.dev/cosign/sign/v1?x=https://sigstore.dev/cosign/sign/v1",
    "https://sigstore.dev/cosign/sign/v1/",
    "https://sigstore.dev/cosign/sign/v\u0661",
    "https://sigstore.dev.evil.example/cosign/sign/v1",
    "http://sigstore.dev/cosign/sign/v1",
    "HTTPS://sigstore.dev/cosign/sign/v1",
    " https://sigstore.dev/cosign/sign/v1",
    "https://cyclonedx.org/bom",
)


@pytest.mark.parametrize("predicate_type", PREDICATE_TYPES)
def test_a_statement_by_the_right_one_that_is_no_signature(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore, predicate_type: str
) -> None:
    said = statement(image.descriptor.digest, predicate_type)
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, who(sigstore), trust=sigstore.trust)
    verified = pv.verify(image, who(sigstore), trust=sigstore.trust, require="any")
    assert verified.signatures == ()
    assert [proof.predicate_type for proof in verified.attestations] == [predicate_type]


def test_a_reference_stands_for_no_signature(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    blob = b"{}"
    local_registry.put_blob("team/app", blob)
    named = {
        "digest": {"sha256": Digest.of(blob).hex},
        "annotations": {"size": len(blob), "predicateType": "https://sigstore.dev/cosign/sign/v1"},
    }
    kind = "https://in-toto.io/attestation/reference/v0.1"
    said = statement(image.descriptor.digest, kind, {"references": [named]})
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, who(sigstore), trust=sigstore.trust)


def test_a_certificate_and_its_key_never_stand_in_for_each_other(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    """The key in a certificate is asked for; then its certificate is left out, too."""
    bundle = forger(sigstore, stamped=False).statement(statement(image.descriptor.digest))
    shown = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    public = x509.load_der_x509_certificate(shown).public_key()
    key = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    material = dict(bundle["verificationMaterial"], publicKey={"hint": ""})
    del material["certificate"]
    put_bundle(local_registry, image, bundle)
    put_bundle(local_registry, image, bundle | {"verificationMaterial": material})
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, key=key, trust=sigstore.trust)
    examined = pv.examine(image, key=key, trust=sigstore.trust)
    assert {item.step for item in examined} == {"key", "log-entry"}


def _with_part(good: dict[str, Any], other: dict[str, Any], *names: str) -> dict[str, Any]:
    parts = {name: other["verificationMaterial"][name] for name in names}
    return good | {"verificationMaterial": good["verificationMaterial"] | parts}


def _with_key(good: dict[str, Any]) -> dict[str, Any]:
    return good | {
        "verificationMaterial": good["verificationMaterial"] | {"publicKey": {"hint": "x"}}
    }


Layer = tuple[bytes, "Mapping[str, str]"]


def _changed(layer: Layer, other: Layer, *names: str) -> Layer:
    return layer[0], dict(layer[1]) | {
        f"{COSIGN}{name}": other[1][f"{COSIGN}{name}"] for name in names
    }


def _sig(sigstore: LocalSigstore, digest: Digest, name: str = WHO, **options: Any) -> Layer:
    said = payload(digest)
    return said, forger(sigstore, name, **options).layer(said)


def _without(layer: Layer, name: str) -> Layer:
    return layer[0], {key: said for key, said in layer[1].items() if key != f"{COSIGN}{name}"}


def _bare_key(layer: Layer) -> Layer:
    """GHSA-fx35-mq7g-6g98."""
    pem = base64.b64decode(
        json.loads(base64.b64decode(json.loads(layer[1][f"{COSIGN}bundle"])["Payload"]["body"]))[
            "spec"
        ]["signature"]["publicKey"]["content"]
    )
    key = x509.load_pem_x509_certificate(pem).public_key()
    bare = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return layer[0], dict(layer[1]) | {f"{COSIGN}certificate": bare.decode()}


LAYERS: dict[str, tuple[Callable[[LocalSigstore, Digest], Layer], str]] = {
    "a signature of another image": (lambda s, _: _sig(s, OTHER), "subject"),
    "mallory's own": (lambda s, d: _sig(s, d, MALLORY), "identity"),
    "the victim's certificate on mallory's signature": (
        lambda s, d: _changed(_sig(s, d, MALLORY), _sig(s, d), "certificate", "chain"),
        "signature",
    ),
    "the victim's certificate and log entry on mallory's signature": (
        lambda s, d: _changed(
            _sig(s, d, MALLORY, stamped=False),
            _sig(s, d, stamped=False),
            *("certificate", "chain", "bundle"),
        ),
        "signature",
    ),
    "the log entry of another signature": (  # CVE-2026-22703
        lambda s, d: _changed(_sig(s, d), _sig(s, d), "bundle"),
        "log-entry",
    ),
    "the timestamp of another signature": (
        lambda s, d: _changed(_sig(s, d), _sig(s, d), "rfc3161timestamp"),
        "time",
    ),
    "a bare key in the place of the certificate": (
        lambda s, d: _bare_key(_sig(s, d)),
        "malformed-document",
    ),
    "no log entry": (lambda s, d: _without(_sig(s, d), "bundle"), "transparency-log"),
    "no certificate": (lambda s, d: _without(_sig(s, d), "certificate"), "identity"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_an_older_signature_that_proves_nothing(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore, name: str
) -> None:
    digest = image.descriptor.digest
    make, step = LAYERS[name]
    content, annotations = make(sigstore, digest)
    layers = [(content, SIMPLE, annotations)]
    put_layers(local_registry, layers, tag=digest_tag(digest, "sig"))
    assert refused(image, sigstore) == [step]


def test_a_good_older_signature_hides_behind_no_bad_one(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    digest = image.descriptor.digest
    layers = [
        (content, SIMPLE, said)
        for content, said in (make(sigstore, digest) for make, _ in LAYERS.values())
    ]
    good, said = _sig(sigstore, digest)
    put_layers(local_registry, [*layers, (good, SIMPLE, said)], tag=digest_tag(digest, "sig"))
    assert len(pv.verify(image, who(sigstore), trust=sigstore.trust).signatures) == 1


def test_an_annotation_of_an_attestation_claims_another_type(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    digest, kind = image.descriptor.digest, "https://sigstore.dev/cosign/sign/v1"
    said = statement(digest, "https://example.com/review/v1")
    envelope, annotations = forger(sigstore).attestation_layer(said, predicate_type=kind)
    put_layers(local_registry, [(envelope, DSSE, annotations)], tag=digest_tag(digest, "att"))
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, who(sigstore), trust=sigstore.trust)
    examined = pv.examine(image, who(sigstore), trust=sigstore.trust)
    assert [item.kind for item in examined] == ["https://example.com/review/v1"]


def test_a_tag_that_moved_is_another_image(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    """The old signature is good, and for what the tag named then."""
    said = statement(image.descriptor.digest)
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    tag = local_registry.reference("team/app:1.0")
    assert pv.verify(tag, who(sigstore), trust=sigstore.trust).reference == image.reference
    ImageBuilder().layer({"bin/app": b"evil"}).push(tag)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(tag, who(sigstore), trust=sigstore.trust)


def test_an_index_of_mallory_s_lends_a_signature_to_no_other_image(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    """It lists the signed image, and another beside it."""
    said = statement(image.descriptor.digest)
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    tag = local_registry.reference("team/app:evil")
    ImageBuilder().layer({"bin/app": b"evil"}).push(tag)
    listed = [
        {
            "mediaType": found.media_type,
            "digest": str(found.descriptor.digest),
            "size": found.descriptor.size,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for found, architecture in ((image, "amd64"), (pv.resolve(tag), "arm64"))
    ]
    index = {"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": listed}
    raw = json.dumps(index).encode()
    local_registry.put_manifest("team/app", raw, media_type=mt.OCI_INDEX, tag="mixed")
    mixed = local_registry.reference("team/app:mixed")
    verified = pv.verify(mixed, who(sigstore), platform="linux/amd64", trust=sigstore.trust)
    assert verified.reference == image.reference
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(mixed, who(sigstore), platform="linux/arm64", trust=sigstore.trust)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(mixed, who(sigstore), trust=sigstore.trust)


def test_another_manifest_under_the_digest_is_not_what_was_signed(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    said = statement(image.descriptor.digest)
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    held = local_registry.manifests["team/app"]
    tag = local_registry.reference("team/app:2.0")
    ImageBuilder().layer({"bin/app": b"evil"}).push(tag)
    held[image.descriptor.digest] = held[pv.resolve(tag).descriptor.digest]
    with pytest.raises(pv.ContentMismatch):
        pv.resolve(str(image.reference)).layers  # noqa: B018 - it is read when it is asked for


def test_json_that_would_fill_memory_hides_no_signature(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    put_bundle(local_registry, image, {"mediaType": BUNDLE_MEDIA_TYPE, "x": [{}] * 100_000})
    with pytest.raises(pv.LimitExceeded):
        pv.verify(image, who(sigstore), trust=sigstore.trust)
    said = statement(image.descriptor.digest)
    put_bundle(local_registry, image, forger(sigstore).statement(said))
    assert len(pv.verify(image, who(sigstore), trust=sigstore.trust).signatures) == 1


def test_what_many_strangers_say_fills_no_memory(
    image: pv.Image,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each for itself is small enough; together they are not."""
    monkeypatch.setattr("provenance.evidence.candidates.MOST_VALUES", 2000)
    digest, about = image.descriptor.digest, subject_of(image)
    asked: dict[str, Any] = {"identity": who(sigstore), "trust": sigstore.trust}
    for number in range(3):
        unsigned = statement(digest, f"https://example.org/{number}", [[]] * 400)
        put_layers(local_registry, [(unsigned, IN_TOTO, {})], subject=about, artifact_type=IN_TOTO)
        stranger = forger(sigstore, "mallory@example.org").statement(unsigned)
        put_bundle(local_registry, image, stranger)
    with pytest.raises(pv.LimitExceeded, match="strangers say more than"):
        pv.verify(image, **asked)
    for whom in (asked["identity"], None):
        examination = pv.examine(image, whom, trust=sigstore.trust)
        assert not examination.complete
        assert len([e for e in examination if e.signed or e.claimed]) < 6
    put_bundle(local_registry, image, forger(sigstore).statement(statement(digest)))
    put_bundle(
        local_registry,
        image,
        forger(sigstore).statement(statement(digest, "https://example.org/own", [[]] * 3000)),
    )
    verified = pv.verify(image, **asked)  # what the one who is asked for says has its own cap
    assert len(verified.proofs) == 2
    assert not verified.complete


HOSTILE = "a\x1b[2Jb\u202ec\nd</td><script>alert(1)</script>"


def test_what_strangers_write_is_shown_harmlessly(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    digest = image.descriptor.digest
    # Names in certificates are ASCII.
    name = "https://evil.example/" + HOSTILE.replace("\u202e", "")
    said = statement(digest, f"https://evil.example/{HOSTILE}", note=HOSTILE)
    put_bundle(local_registry, image, forger(sigstore, name).statement(said))
    claimed = [(b"{}", DSSE, {"predicateType": HOSTILE})]
    put_layers(local_registry, claimed, tag=digest_tag(digest, "att"))
    anyone = pv.Identity.regexp("(?s).*", issuer=".*", issuer_is_pattern=True)
    verified = pv.verify(image, anyone, trust=sigstore.trust, require="any")
    for shown in (
        pv.examine(image, who(sigstore), trust=sigstore.trust).explain(),
        _in_terminal(pv.examine(image, who(sigstore), trust=sigstore.trust)),
        _in_terminal(verified),
    ):
        assert not {"\x1b", "\u202e"} & set(shown)
    for html in (
        pv.examine(image, who(sigstore), trust=sigstore.trust)._repr_html_(),
        verified._repr_html_(),
    ):
        assert "<script" not in html
        assert "\u202e" not in html
    with pytest.raises(pv.NoMatchingEvidence) as told:
        pv.verify(image, who(sigstore), trust=sigstore.trust)
    assert len(str(told.value)) < 20_000


def _in_terminal(value: Any) -> str:
    from io import StringIO

    from rich.console import Console

    file = StringIO()
    Console(file=file, width=200, force_terminal=False, color_system=None).print(value)
    return file.getvalue()
