"""What every handle must do."""

from __future__ import annotations

import copy
import pickle

import pytest

from provenance.errors import SigningError
from provenance.signing.handle import DigestHandle, KeyHandle
from provenance.signing.keys.schemes import check_signature, to_be_signed

__all__ = ["signs_as_it_says"]


def signs_as_it_says(key: KeyHandle) -> None:
    """Signatures verify by the public key; nothing is given away."""
    assert isinstance(key, DigestHandle)
    for data in (b"", b"data", b"d" * 10_000):
        check_signature(key.public_key, to_be_signed(key.public_key, data), key.sign(data))
    digest = to_be_signed(key.public_key, b"data")
    if key.public_key.algorithm == "ed25519":
        with pytest.raises(SigningError, match="not its digest"):
            key.sign_digest(digest)
    else:
        check_signature(key.public_key, digest, key.sign_digest(digest))
    for take in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            take(key)
