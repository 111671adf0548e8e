"""Keys of AWS KMS, through boto3 (extra `aws`).

Source: AWS KMS API reference (GetPublicKey, Sign); sigstore `pkg/signature/kms/aws`. Credentials,
region and profile are boto3's own affair: it reads the environment of the process, `~/.aws` and
the machine's identity.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    Forbidden,
    NotEvaluated,
    NotFound,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.keys.services import ServiceKey, needed, understood
from provenance.transport.proxies import proxies_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.errors import ProvenanceError
    from provenance.settings import Settings
    from provenance.signing.keys.references import AwsKey

__all__ = ["open_aws_key"]

_ECDSA = {
    "ecdsa-p256": ("ECC_NIST_P256", "ECDSA_SHA_256"),
    "ecdsa-p384": ("ECC_NIST_P384", "ECDSA_SHA_384"),
    "ecdsa-p521": ("ECC_NIST_P521", "ECDSA_SHA_512"),
}
_GONE = {"NotFoundException"}
_NO_LOGIN = {
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "InvalidClientTokenId",
    "ExpiredTokenException",
    "ExpiredToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
}
_NOT_ALLOWED = {"AccessDeniedException", "AccessDenied", "OptInRequired"}
_SLOW_DOWN = {"ThrottlingException", "LimitExceededException", "RequestLimitExceeded"}


def open_aws_key(reference: AwsKey, settings: Settings) -> ServiceKey:
    """A key of AWS KMS that signs.

    Raises:
        UnsupportedFormat: boto3 is not installed, or the key is of a kind not used here:
            secp256k1, SM2, or not for signing.
        NotFound, Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: KMS
            gave no key.
    """
    client = _client(reference, settings)
    with understood(reference), _translated(reference):
        answer = client.get_public_key(KeyId=reference.key_id)
        public, algorithm = _usable(answer, reference)
        # The ARN that was answered: an alias may lead to another key tomorrow.
        key_id = str(answer.get("KeyId") or reference.key_id)

    def ask(digest: bytes) -> bytes:
        with understood(reference), _translated(reference):
            signed = client.sign(
                KeyId=key_id,
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm=algorithm,
            )
            return bytes(signed["Signature"])

    return ServiceKey(public, str(reference), ask)


def _client(reference: AwsKey, settings: Settings) -> Any:
    session = needed("boto3", "aws").session.Session()  # its own: the default one is global
    config = needed("botocore.config", "aws").Config(
        connect_timeout=settings.timeout,
        read_timeout=settings.timeout,
        retries={"total_max_attempts": settings.retries + 1, "mode": "standard"},
        user_agent_extra=settings.user_agent,
    )
    plain = reference.host in settings.plain_http
    options: dict[str, Any] = {"region_name": reference.region or None}
    if reference.host:
        options["endpoint_url"] = f"{'http' if plain else 'https'}://{reference.host}"
    if settings.ca_bundle is not None:
        options["verify"] = str(settings.ca_bundle)
    with _translated(reference):
        client = session.client("kms", config=config, **options)
        # Only now it is known where it asks; what boto3 is given, it uses for every host.
        proxies = proxies_for(client.meta.endpoint_url, settings)
        if not proxies:
            return client
        through = config.merge(type(config)(proxies=proxies))
        return session.client("kms", config=through, **options)


def _usable(answer: dict[str, Any], reference: AwsKey) -> tuple[PublicKey, str]:
    """The key, and the algorithm to ask for, where the two agree with what KMS says of it."""
    if answer.get("KeyUsage", "SIGN_VERIFY") != "SIGN_VERIFY":
        raise UnsupportedFormat(f"{reference} is not for signing", hint="its usage must be so")
    public = PublicKey.parse(bytes(answer["PublicKey"]))
    spec = str(answer.get("KeySpec") or answer.get("CustomerMasterKeySpec") or "")
    if public.algorithm.startswith("rsa"):
        expected, algorithm = f"RSA_{public.algorithm[4:]}", "RSASSA_PKCS1_V1_5_SHA_256"
    else:
        expected, algorithm = _ECDSA.get(public.algorithm, ("", ""))
    if spec != expected or algorithm not in answer.get("SigningAlgorithms", ()):
        raise UnsupportedFormat(
            f"{reference} is of a kind that is not used here ({spec[:40] or public.algorithm})",
            hint="ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521 or RSA",
        )
    return public, algorithm


@contextmanager
def _translated(reference: AwsKey) -> Iterator[None]:
    """Botocore's errors as ours. Its messages may name accounts and roles, so only codes pass."""
    errors = needed("botocore.exceptions", "aws")
    try:
        yield
    except errors.ClientError as error:
        raise _refusal(error.response, reference) from error
    except (errors.NoCredentialsError, errors.PartialCredentialsError) as error:
        raise Unauthorized(
            f"there are no AWS credentials for {reference}", hint="aws configure, or AWS_PROFILE"
        ) from error
    except errors.NoRegionError as error:
        raise NotEvaluated(
            f"{reference} names no region", hint="set AWS_REGION, or use the key's ARN"
        ) from error
    except errors.BotoCoreError as error:
        raise RegistryUnavailable(
            f"{reference} cannot be asked ({type(error).__name__})",
            hint="check the network, the region and the host in the reference",
        ) from error


def _refusal(response: dict[str, Any], reference: AwsKey) -> ProvenanceError:
    code = str(response.get("Error", {}).get("Code", ""))[:80]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"AWS KMS answered {code} to {reference}"
    if code in _GONE:
        return NotFound(said, hint="check the key, the region and the account")
    if code in _NO_LOGIN:
        return Unauthorized(said, hint="renew the credentials")
    if code in _NOT_ALLOWED:
        return Forbidden(said, hint="allow kms:GetPublicKey and kms:Sign")
    if code in _SLOW_DOWN:
        return RateLimited(said, hint="try again later")
    if status >= 500:
        return RegistryUnavailable(said, hint="try again later")
    return NotEvaluated(said, hint="the key may be disabled, or about to be deleted")
