"""Keys of Google Cloud KMS, through google-cloud-kms (extra `gcp`).

Source: Cloud KMS API v1 (ListCryptoKeyVersions, GetPublicKey, AsymmetricSign, "Verifying
end-to-end data integrity"); sigstore `pkg/signature/kms/gcp`. The login is Google's own affair:
Application Default Credentials.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    NotEvaluated,
    NotFound,
    RegistryUnavailable,
    SigningError,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.keys.schemes import hash_of
from provenance.signing.keys.services import ServiceKey, needed, refusal, understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.settings import Settings
    from provenance.signing.keys.references import GoogleKey

__all__ = ["open_google_key"]

# A version signs in one way, fixed when it was made. PSS and SHA-512 with RSA are others' ways.
_ALGORITHMS = {
    "EC_SIGN_P256_SHA256": "ecdsa-p256",
    "EC_SIGN_P384_SHA384": "ecdsa-p384",
    "RSA_SIGN_PKCS1_2048_SHA256": "rsa-2048",
    "RSA_SIGN_PKCS1_3072_SHA256": "rsa-3072",
    "RSA_SIGN_PKCS1_4096_SHA256": "rsa-4096",
}
_PAGES = 100
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


def open_google_key(reference: GoogleKey, settings: Settings, client: Any = None) -> ServiceKey:
    """A key version of Google Cloud KMS that signs; the newest enabled one where none is named.

    Args:
        reference: which.
        settings: `timeout` is for each request, with its retries; proxies and authorities are
            Google's library's affair.
        client: a `KeyManagementServiceClient`; None: one with the credentials at hand.

    Raises:
        UnsupportedFormat: google-cloud-kms is not installed, or the key signs in another way.
        NotFound: there is no such key, or no enabled version.
        Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: no key was given.
    """
    kms = needed("google.cloud.kms", "gcp")
    with understood(reference), _translated(reference):
        asked = client or kms.KeyManagementServiceClient()
        limits = _limits(settings)
        name = _version(asked, reference, limits)
        answer = asked.get_public_key(request={"name": name}, **limits)
        found = _usable(answer, reference)

    def ask(digest: bytes) -> bytes:
        with understood(reference), _translated(reference):
            signed = asked.asymmetric_sign(
                request={"name": name, "digest": {hash_of(found): digest}}, **limits
            )
            if signed.name != name:
                raise SigningError(f"another key than {reference} signed", hint="do not use it")
            return bytes(signed.signature)

    return ServiceKey(found, str(reference), ask)


def _usable(answer: Any, reference: GoogleKey) -> PublicKey:
    """The key, where it is what it is said to sign by, and that is done here."""
    algorithm = str(getattr(answer.algorithm, "name", answer.algorithm))
    public = PublicKey.parse(answer.pem.encode()) if algorithm in _ALGORITHMS else None
    if public is None or public.algorithm != _ALGORITHMS[algorithm]:
        raise UnsupportedFormat(
            f"{reference} signs by {algorithm[:60]}, which is not used here",
            hint=f"one of {', '.join(_ALGORITHMS)}",
        )
    return public


def _limits(settings: Settings) -> dict[str, Any]:
    """How long one request may take, and all its retries together."""
    retry = needed("google.api_core.retry", "gcp").Retry(timeout=settings.timeout)
    return {"timeout": settings.timeout, "retry": retry if settings.retries else None}


def _version(client: Any, reference: GoogleKey, limits: dict[str, Any]) -> str:
    """Versions are numbered: listed by name, the tenth comes before the second."""
    if reference.version:
        return f"{reference.name}/cryptoKeyVersions/{reference.version}"
    listed = client.list_crypto_key_versions(
        request={"parent": reference.name, "filter": "state=ENABLED"}, **limits
    )
    newest = 0
    for count, page in enumerate(listed.pages):
        if count >= _PAGES:  # pages may be empty, and have no end
            raise NotEvaluated(
                f"the versions of {reference} fill more than {_PAGES} pages",
                hint="name one: /versions/N",
            )
        for version in page.crypto_key_versions:
            number = version.name.rpartition("/")[2]
            if version.state.name == "ENABLED" and _NUMBER.fullmatch(number):
                newest = max(newest, int(number))
    if not newest:
        raise NotFound(f"{reference} has no enabled version", hint="enable one, or make one")
    return f"{reference.name}/cryptoKeyVersions/{newest}"


@contextmanager
def _translated(reference: GoogleKey) -> Iterator[None]:
    """Google's errors as ours."""
    calls = needed("google.api_core.exceptions", "gcp")
    logins = needed("google.auth.exceptions", "gcp")
    try:
        yield
    except logins.TransportError as error:
        raise RegistryUnavailable(
            f"no login for {reference} could be had", hint="check the network"
        ) from error
    except logins.GoogleAuthError as error:
        raise Unauthorized(
            f"there are no Google credentials for {reference}",
            hint="gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS",
        ) from error
    except calls.GoogleAPICallError as error:
        raise refusal(int(error.code or 503), str(reference)) from error
    except calls.GoogleAPIError as error:
        raise RegistryUnavailable(
            f"{reference} cannot be asked ({type(error).__name__})", hint="check the network"
        ) from error
