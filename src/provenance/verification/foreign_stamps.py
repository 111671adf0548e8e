"""Timestamps by an authority that the trust root does not list: passed over, or false.

A client may ask two authorities, a public and a private one; whoever knows one of them must be
able to verify. sigstore-go, and so cosign and gh, pass over every timestamp that does not verify:
one damaged byte then takes a known authority's away, and nobody is told.

Source: RFC 5652 section 5.4 (what is signed); RFC 3161 section 2.4.2; RFC 5035 and RFC 5816 (the
hash of the authority's certificate is signed, too, so that not a byte of it can change).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from provenance.verification.content import HASHES

if TYPE_CHECKING:
    from cryptography import x509

    from provenance.verification.anchors import Anchors

__all__ = ["is_foreign_stamp"]

_MOST_BYTES = 65_536
"""Of a timestamp: real ones have up to six thousand, certificates included."""


def is_foreign_stamp(stamp: bytes, signature: bytes, anchors: Anchors) -> bool:
    """Whether the timestamp is whole, over `signature`, and by nobody whom the trust root lists.

    It proves nothing, and is no more than what anybody could add or take away. It names its
    authority's certificate twice, by issuer and number and by hash: neither may be a listed one's.
    Where it brings the certificate, that signs it. A root that names only who certifies an
    authority of its own cannot tell whose a timestamp is not.
    """
    if len(stamp) > _MOST_BYTES or any(s.signer is None for s in anchors.stampers):
        return False
    try:
        return _is_whole(stamp, signature, [s.signer for s in anchors.stampers if s.signer])
    except Exception:  # noqa: BLE001 - of parsers, of many families: then it is not whole
        return False


def _is_whole(stamp: bytes, signature: bytes, listed: list[x509.Certificate]) -> bool:
    from asn1crypto import tsp

    response = tsp.TimeStampResp.load(stamp, strict=True)
    if response["status"]["status"].native != "granted":
        return False
    signed = response["time_stamp_token"]["content"]
    content = signed["encap_content_info"]["content"]
    (signer,) = signed["signer_infos"]
    attributes = {a["type"].native: a["values"] for a in signer["signed_attrs"]}
    (kind,), (digest,) = attributes["content_type"], attributes["message_digest"]
    return (
        len(attributes) == len(signer["signed_attrs"])
        and kind.native == signed["encap_content_info"]["content_type"].native == "tst_info"
        and digest.native == _hash(signer["digest_algorithm"], content.contents)
        and _is_over(content.parsed["message_imprint"], signature)
        and not any(_is_named(one, signer, attributes) for one in listed)
        and _is_signed(signer, attributes, signed["certificates"])
    )


def _is_over(imprint: Any, signature: bytes) -> bool:
    return bool(imprint["hashed_message"].native == _hash(imprint["hash_algorithm"], signature))


def _is_named(certificate: x509.Certificate, signer: Any, attributes: dict[str, Any]) -> bool:
    """Whether the timestamp names `certificate` in either way."""
    from cryptography.hazmat.primitives.serialization import Encoding

    named = signer["sid"].chosen
    return bool(
        (named["issuer"].dump(), named["serial_number"].native)
        == (certificate.issuer.public_bytes(), certificate.serial_number)
        or _is_hashed(certificate.public_bytes(Encoding.DER), attributes)
    )


def _is_hashed(certificate: bytes, attributes: dict[str, Any]) -> bool:
    """Whether the signed attributes have the hash of a certificate: of SHA-1 in the older form."""
    if "signing_certificate_v2" in attributes:
        stated = attributes["signing_certificate_v2"][0]["certs"][0]
        found = _hash(stated["hash_algorithm"], certificate)
    else:
        stated = attributes["signing_certificate"][0]["certs"][0]
        found = hashlib.sha1(certificate, usedforsecurity=False).digest()
    return bool(stated["cert_hash"].native == found)


def _is_signed(signer: Any, attributes: dict[str, Any], certificates: Any) -> bool:
    """Whether the certificate that came along signs it; so too where none did.

    Raises InvalidSignature where it does not.
    """
    from cryptography import x509

    brought = [certificate.chosen.dump() for certificate in certificates]
    if not brought:
        return True
    (own,) = (certificate for certificate in brought if _is_hashed(certificate, attributes))
    # Signed as a SET, stored with an implicit tag.
    data = signer["signed_attrs"].untag().dump()
    _verify(x509.load_der_x509_certificate(own).public_key(), signer, data)
    return True


def _verify(key: Any, signer: Any, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    known = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    algorithm = known[signer["digest_algorithm"]["algorithm"].native]
    signature = signer["signature"].native
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(algorithm))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, data)  # Ed25519; of another key the arguments are wrong


def _hash(algorithm: Any, data: bytes) -> bytes:
    """Raises ValueError for an algorithm that timestamps are not verified with here."""
    name = algorithm["algorithm"].native
    if name not in HASHES:
        raise ValueError("not a hash of SHA-2")
    return hashlib.new(name, data).digest()
