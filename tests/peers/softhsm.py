"""A token of SoftHSM2, with keys put there by python-pkcs11."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.peers.serving import CACHE, peer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["PIN", "Token", "make_token"]

PIN = "1234"
_SO_PIN = "5678"
CURVES = {"ecdsa-p256": "secp256r1", "ecdsa-p384": "secp384r1", "ecdsa-p521": "secp521r1"}


@dataclass(frozen=True)
class Token:
    """One token."""

    label: str
    module: Path

    def reference(self, what: str, *, pin: str = PIN) -> str:
        """A key on it, by `object=LABEL` or `id=%01`."""
        token = quote(self.label, safe="")
        end = f"&pin-value={pin}" if pin else ""
        return f"pkcs11:token={token};{what}?module-path={self.module}{end}"

    def add(self, algorithm: str, label: str, key_id: bytes, *, public: bool = True) -> None:
        """Make a key pair on it; without the public half, as some tokens keep them."""
        import pkcs11
        from pkcs11.util.ec import encode_named_curve_parameters

        token = pkcs11.lib(str(self.module)).get_token(token_label=self.label)
        with token.open(user_pin=PIN, rw=True) as session:
            options: dict[str, Any] = {"label": label, "id": key_id, "store": True}
            if algorithm in CURVES:
                parameters = {
                    pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(CURVES[algorithm])
                }
                domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
                half, _ = domain.generate_keypair(**options)
            else:
                bits = int(algorithm.removeprefix("rsa-"))
                half, _ = session.generate_keypair(pkcs11.KeyType.RSA, bits, **options)
            if not public:
                half.destroy()


def make_token(folder: Path, patch: pytest.MonkeyPatch, label: str) -> Token:
    """An empty token, in `folder` alone. The module reads SOFTHSM2_CONF when it is loaded."""
    tool, module = peer("softhsm2-util"), CACHE / "lib" / "libsofthsm2.so"
    store = folder / "tokens"
    store.mkdir(exist_ok=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {store}\nobjectstore.backend = file\n")
    patch.setenv("SOFTHSM2_CONF", str(config))
    subprocess.run(
        [
            *(tool, "--module", str(module), "--init-token", "--free", "--label", label),
            *("--pin", PIN, "--so-pin", _SO_PIN),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "SOFTHSM2_CONF": str(config)},
    )
    return Token(label, module)
