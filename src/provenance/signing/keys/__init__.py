"""Keys that sign without a certificate: files, key services, tokens. cosign's words for them."""

from __future__ import annotations

from provenance.signing.keys.local import LocalKey, read_private_key
from provenance.signing.keys.opening import open_key, open_public_key
from provenance.signing.keys.pairs import (
    ALGORITHMS,
    KeyPair,
    encrypted_pair,
    generate_key_pair,
    write_key_pair,
)
from provenance.signing.keys.passwords import Password
from provenance.signing.keys.references import KeyReference, parse_key_reference

__all__ = [
    "ALGORITHMS",
    "KeyPair",
    "KeyReference",
    "LocalKey",
    "Password",
    "encrypted_pair",
    "generate_key_pair",
    "open_key",
    "open_public_key",
    "parse_key_reference",
    "read_private_key",
    "write_key_pair",
]
