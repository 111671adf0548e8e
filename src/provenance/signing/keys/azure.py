"""Keys of Azure Key Vault and managed HSMs, through Azure's libraries (extra `azure`).

Source: Key Vault REST API 7.4 (Get Key, Sign); RFC 7518 sections 3.3 and 3.4 (RS256; ES256 and
kin, whose signatures are two numbers side by side); sigstore `pkg/signature/kms/azure`. The login
is Azure's own affair: `DefaultAzureCredential`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    NotEvaluated,
    RegistryUnavailable,
    SigningError,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.keys.services import ServiceKey, needed, refusal, understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.settings import Settings
    from provenance.signing.keys.references import AzureKey

__all__ = ["open_azure_key"]

_SIZES = {"ecdsa-p256": 32, "ecdsa-p384": 48, "ecdsa-p521": 66}
_ALGORITHMS = {"ecdsa-p256": "ES256", "ecdsa-p384": "ES384", "ecdsa-p521": "ES512"}


def open_azure_key(
    reference: AzureKey, settings: Settings, credential: Any = None, **options: Any
) -> ServiceKey:
    """A key of a vault; its newest version where none is named.

    Args:
        reference: which.
        settings: time limits and retries; proxies and authorities are Azure's libraries'.
        credential: an Azure `TokenCredential`; None: `DefaultAzureCredential`.
        options: for Azure's clients, as their documentation names them.

    Raises:
        UnsupportedFormat: Azure's libraries are not installed, or a kind of key not used here.
        NotFound, Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: the
            vault gave no key.
    """
    keys = needed("azure.keyvault.keys", "azure")
    crypto = needed("azure.keyvault.keys.crypto", "azure")
    limits = {
        "connection_timeout": settings.timeout,
        "read_timeout": settings.timeout,
        "retry_total": settings.retries,
        **options,
    }
    with understood(reference), _translated(reference):
        login = credential or needed("azure.identity", "azure").DefaultAzureCredential()
        vault = keys.KeyClient(f"https://{reference.host}/", login, **limits)
        key = vault.get_key(reference.name, reference.version or None)
        public = _public(key.key, reference)
        # Its id names the version: tomorrow's newest is another key.
        signer = crypto.CryptographyClient(key.id, login, **limits)
    algorithm = _ALGORITHMS.get(public.algorithm, "RS256")

    def ask(digest: bytes) -> bytes:
        with understood(reference), _translated(reference):
            answer = signer.sign(crypto.SignatureAlgorithm(algorithm), digest)
            return _der(public, bytes(answer.signature))

    return ServiceKey(public, str(reference), ask)


def _public(key: Any, reference: AzureKey) -> PublicKey:
    """A JSON Web Key (RFC 7517) as SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    kind, curve = _word(key.kty).removesuffix("-HSM"), _word(key.crv)
    numbers: ec.EllipticCurvePublicNumbers | rsa.RSAPublicNumbers
    if kind == "EC" and curve in curves:
        numbers = ec.EllipticCurvePublicNumbers(_number(key.x), _number(key.y), curves[curve])
    elif kind == "RSA":
        numbers = rsa.RSAPublicNumbers(_number(key.e), _number(key.n))
    else:
        raise UnsupportedFormat(
            f"{reference} is of a kind that is not used here ({kind[:20]} {curve[:20]})",
            hint="EC on P-256, P-384 or P-521, or RSA",
        )
    try:
        der = numbers.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except ValueError as error:
        raise NotEvaluated(f"{reference} is no key", hint="check the host") from error
    return PublicKey.parse(der)


def _word(value: Any) -> str:
    """A word of the vault's: an enumeration's where Azure's library knows it, else text."""
    return str(getattr(value, "value", value) or "")


def _number(data: bytes) -> int:
    return int.from_bytes(data or b"", "big")


def _der(key: PublicKey, signature: bytes) -> bytes:
    """A signature as everybody but JOSE writes it."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    size = _SIZES.get(key.algorithm)
    if size is None:
        return signature
    if len(signature) != 2 * size:
        raise SigningError("the vault gave no signature of this curve", hint="do not use it")
    return encode_dss_signature(_number(signature[:size]), _number(signature[size:]))


@contextmanager
def _translated(reference: AzureKey) -> Iterator[None]:
    """Azure's errors as ours."""
    errors = needed("azure.core.exceptions", "azure")
    try:
        yield
    except errors.ClientAuthenticationError as error:
        raise Unauthorized(
            f"there is no Azure login for {reference}", hint="az login, or AZURE_CLIENT_ID and kin"
        ) from error
    except errors.HttpResponseError as error:
        raise refusal(int(error.status_code or 503), str(reference)) from error
    except (errors.ServiceRequestError, errors.ServiceResponseError) as error:
        raise RegistryUnavailable(
            f"{reference} cannot be asked ({type(error).__name__})",
            hint="check the network, and the host in the reference",
        ) from error
    except errors.AzureError as error:
        raise NotEvaluated(f"{reference} cannot be asked ({type(error).__name__})") from error
