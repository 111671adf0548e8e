"""The timestamp authority. Source: RFC 3161, with ESSCertIDv2 of RFC 5816."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import TYPE_CHECKING

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.testing.sigstore.keys import der, new_authority, timestamping_certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

__all__ = ["TimestampAuthority"]

_POLICY = "1.3.6.1.4.1.57264.2"
_LENGTHS = {"sha256": 32, "sha384": 48, "sha512": 64}


class TimestampAuthority:
    """Answers RFC 3161 requests."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        """Make a root and a signing certificate below it."""
        self._now = now
        authority = new_authority("timestamp", now(), intermediate=False)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.chain: tuple[x509.Certificate, ...] = (
            timestamping_certificate(authority, self.key, now()),
            *authority.chain,
        )

    def answer(self, request: bytes) -> bytes:
        """A response for a request in DER. Raises ValueError for one that is none."""
        asked = tsp.TimeStampReq.load(request, strict=True)
        imprint = asked["message_imprint"]
        algorithm = imprint["hash_algorithm"]["algorithm"].native
        if len(imprint["hashed_message"].native) != _LENGTHS.get(algorithm):
            raise ValueError("the message imprint is no sha256, sha384 or sha512 hash")
        return self.stamp(
            imprint["hashed_message"].native,
            algorithm=algorithm,
            nonce=asked["nonce"].native,
            certificates=bool(asked["cert_req"].native),
        )

    def stamp(
        self,
        hashed: bytes,
        *,
        algorithm: str = "sha256",
        nonce: int | None = None,
        at: dt.datetime | None = None,
        certificates: bool = True,
    ) -> bytes:
        """A granted response for a hash, at any time a test wants.

        Args:
            hashed: the hash of what is stamped: in bundles, of the signature.
            algorithm: sha256, sha384 or sha512.
            nonce: the request's, which the response repeats.
            at: the time it states; None: now. Seconds are the finest.
            certificates: whether the chain comes with it.
        """
        moment = (at or self._now()).astimezone(dt.UTC).replace(microsecond=0)
        fields: dict[str, object] = {
            "version": "v1",
            "policy": _POLICY,
            "message_imprint": {
                "hash_algorithm": {"algorithm": algorithm},
                "hashed_message": hashed,
            },
            "serial_number": secrets.randbits(63) | 1,
            "gen_time": moment,
        }
        if nonce is not None:
            fields["nonce"] = nonce
        signed = self._signed(tsp.TSTInfo(fields).dump(), moment, certificates=certificates)
        response = tsp.TimeStampResp(
            {
                "status": {"status": "granted"},
                "time_stamp_token": {"content_type": "signed_data", "content": signed},
            }
        )
        dumped: bytes = response.dump()
        return dumped

    def _signed(self, info: bytes, moment: dt.datetime, *, certificates: bool) -> cms.SignedData:
        content = {"content_type": "tst_info", "content": core.ParsableOctetString(info)}
        fields = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": content,
            "signer_infos": [self._signer_info(info, moment)],
        }
        if certificates:
            fields["certificates"] = [asn1_x509.Certificate.load(der(c)) for c in self.chain]
        return cms.SignedData(fields)

    def _signer_info(self, info: bytes, moment: dt.datetime) -> cms.SignerInfo:
        leaf = asn1_x509.Certificate.load(der(self.chain[0]))
        identifier = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(leaf.dump()).digest()})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {"type": "signing_time", "values": [_time(moment)]},
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [identifier]})],
                },
            ]
        )
        # Signed as a SET, stored with an implicit tag (RFC 5652 section 5.4).
        signature = self.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        serial = {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
        return cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {"issuer_and_serial_number": cms.IssuerAndSerialNumber(serial)}
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signature": signature,
            }
        )


def _time(moment: dt.datetime) -> cms.Time:
    """UTCTime has two digits for the year, and begins in 1950 (RFC 5652 section 11.3)."""
    return cms.Time({"utc_time" if 1950 <= moment.year < 2050 else "generalized_time": moment})
