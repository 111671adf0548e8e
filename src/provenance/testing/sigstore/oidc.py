"""The OIDC issuer: tokens about anybody, as a test needs them. Source: OpenID Connect Core 1.0."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

__all__ = ["Issuer"]

_AUDIENCE = "sigstore"
_KEY_ID = "local"
_EARLY = 60  # seconds a token is valid before it was issued: clocks differ
_LIFETIME = 3600  # seconds after


class Issuer:
    """Issues and checks ID tokens; whoever opens its login page is logged in as `user`."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        """Nobody is logged in. The URL is set when the service has a port."""
        self.url = ""
        self.user = "dev@example.com"
        self._now = now
        self._lock = threading.Lock()
        self._made: rsa.RSAPrivateKey | None = None
        self._logins: dict[str, tuple[str, str]] = {}

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The signing key, made when first asked for: RSA, as cosign takes no other tokens."""
        with self._lock:
            if self._made is None:
                self._made = rsa.generate_private_key(65537, 2048)
            return self._made

    def token(self, identity: str, claims: Mapping[str, Any]) -> str:
        """A token for `identity`: an e-mail address, URI or name; `claims` add or replace."""
        import jwt

        now = int(self._now().timestamp())
        body: dict[str, Any] = {
            "iss": self.url,
            "aud": _AUDIENCE,
            "sub": identity,
            "iat": now,
            "nbf": now - _EARLY,
            "exp": now + _LIFETIME,
        }
        if "://" not in identity and "@" in identity:
            body |= {"email": identity, "email_verified": True}
        body |= claims
        return jwt.encode(body, self.key, algorithm="RS256", headers={"kid": _KEY_ID})

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token of ours, for Sigstore, valid now.

        Any `iss` is taken, so that a test may speak for an issuer that is elsewhere.

        Raises ValueError, saying why not.
        """
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key.public_key(),
                algorithms=["RS256"],
                audience=_AUDIENCE,
                options={
                    "require": ["iss", "sub", "exp"],
                    # By our clock, below.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise ValueError(f"the token is not one of ours: {error}") from error
        now = self._now().timestamp()
        if not float(claims.get("nbf", 0)) <= now < float(claims["exp"]):
            raise ValueError("the token is not valid now")
        if "email" in claims and claims.get("email_verified") is not True:
            raise ValueError("the token's e-mail address is not verified")
        return claims

    def login(self, query: Mapping[str, str]) -> str:
        """Where the browser is sent after logging in: the redirect URI with a code (OAuth 2.0).

        Raises LookupError or ValueError for a request that is none, or goes elsewhere.
        """
        target = query["redirect_uri"]
        if urlsplit(target).hostname not in {"localhost", "127.0.0.1"}:
            raise ValueError("the redirect URI is not on this machine")
        if query["code_challenge_method"] != "S256":
            raise ValueError("the code challenge is not S256 (RFC 7636)")
        claims = {"nonce": query["nonce"]} if "nonce" in query else {}
        code = secrets.token_urlsafe(16)
        self._logins[code] = query["code_challenge"], self.token(self.user, claims)
        return f"{target}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The token for a code, once, and only for who asked for it (RFC 7636).

        Raises LookupError or ValueError.
        """
        challenge, token = self._logins.pop(form["code"])
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != challenge:
            raise ValueError("the code verifier is not the one of the login")
        return {"access_token": token, "id_token": token, "token_type": "Bearer"}

    def discovery(self) -> dict[str, Any]:
        """`/.well-known/openid-configuration`."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()

        def number(value: int) -> str:
            data = value.to_bytes((value.bit_length() + 7) // 8, "big")
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": _KEY_ID,
            "n": number(numbers.n),
            "e": number(numbers.e),
        }
        return {"keys": [key]}
