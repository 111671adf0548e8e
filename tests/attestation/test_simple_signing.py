from __future__ import annotations

import pytest

from provenance.attestation.simple_signing import SimpleSigning
from provenance.digests import Digest
from provenance.errors import MalformedDocument

DIGEST = Digest("sha256:9bfc084b3af9b9ab7e5b04d6894a1274a6ffbc4693518cadf766ce669ae31bb2")
# What cosign 3.1.3 signed for this digest and name, without and with `-a k=v<&> -a b=2`.
HEAD = (
    b'{"critical":{"identity":{"docker-reference":"127.0.0.1:35291/team/app"},'
    b'"image":{"docker-manifest-digest":"sha256:9bfc084b3af9b9ab7e5b04d6894a1274a6ffbc4693518cadf'
    b'766ce669ae31bb2"},"type":"cosign container image signature"},"optional":'
)


@pytest.mark.parametrize(
    ("annotations", "optional"),
    [
        ({}, b"null}"),
        ({"k": "v<&>", "b": "2"}, b'{"b":"2","k":"v\\u003c\\u0026\\u003e"}}'),
    ],
)
def test_a_payload_is_cosigns_byte_for_byte(annotations: dict[str, str], optional: bytes) -> None:
    built = SimpleSigning.build(DIGEST, "127.0.0.1:35291/team/app", annotations)
    assert built.raw == HEAD + optional
    assert (built.digest, dict(built.annotations)) == (DIGEST, annotations)


def test_half_a_character_is_not_signed() -> None:
    with pytest.raises(MalformedDocument, match="surrogate"):
        SimpleSigning.build(DIGEST, "x/y", {"k": "\ud800"})
