"""`open_key`, `open_public_key`: from a key reference to what signs, and to what verifies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    InvalidReference,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.signing.keys.local import read_private_key
from provenance.signing.keys.pem import MAX_BYTES
from provenance.signing.keys.pkcs11_uri import TokenKey
from provenance.signing.keys.references import (
    AwsKey,
    AzureKey,
    EnvironmentKey,
    FileKey,
    GitLabKey,
    GoogleKey,
    KubernetesKey,
    UrlKey,
    VaultKey,
    parse_key_reference,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from provenance.signing.handle import KeyHandle
    from provenance.signing.keys.passwords import Password
    from provenance.signing.keys.references import KeyReference
    from provenance.signing.keys.services import ServiceKey

__all__ = ["open_key", "open_public_key"]


def open_key(
    reference: str | Path,
    *,
    password: Password = None,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
) -> KeyHandle:
    """What signs with the key that `reference` names (`parse_key_reference` has the grammar).

    A key service is asked for the public half at once, so that a wrong name or login shows here.
    It is asked when `offline` too: like a registry, the caller named it.

    Args:
        reference: a path, or one of cosign's key URIs.
        password: of an encrypted key file, or the PIN of a token: the text, or what asks for it
            when it is needed; None: COSIGN_PASSWORD, COSIGN_PKCS11_PIN.
        settings: how services are reached; None: those of the environment.
        environ: in place of the process' environment. What the libraries of AWS, Google and Azure
            read of it themselves is that of the process all the same.

    Raises:
        InvalidReference: not of the grammar.
        SigningError: a password is wrong or missing.
        NotFound: there is no such key.
        MalformedDocument: what is there is no private key.
        UnsupportedFormat: a kind of key that is not used here, or its library is not installed.
        Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: could not tell.
    """
    env = os.environ if environ is None else environ
    found = parse_key_reference(reference)
    held = _of_service(found, settings, env, password)
    if held is not None:
        return held
    if isinstance(found, UrlKey):
        raise UnsupportedFormat("no private key is read from the web", hint="use a file of yours")
    raw, its_own = _private_pem(found, settings, env)
    with ProvenanceError.located_at(_shown(found)):
        return read_private_key(raw, password if its_own is None else its_own, environ=env)


def open_public_key(
    reference: str | Path | bytes | PublicKey,
    *,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
) -> PublicKey:
    """The public key that `reference` names: what verifiers need, and no secret with it.

    Args:
        reference: a key, its PEM or DER, a path, or one of cosign's key URIs. Of a key service
            the public half is asked for; `https://` is for public keys alone.
        settings: how services are reached; None: those of the environment. `offline` forbids
            `https://`, where a key to trust would be fetched.
        environ: as for `open_key`.

    Raises:
        InvalidReference: not of the grammar.
        NotFound: there is no such key.
        MalformedDocument: what is there is no public key.
        UnsupportedFormat: a kind of key that is not used here, or its library is not installed.
        Unauthorized, Forbidden, RateLimited, RegistryUnavailable, NotEvaluated: could not tell.
    """
    if isinstance(reference, PublicKey):
        return reference
    if isinstance(reference, bytes):
        return PublicKey.parse(reference)
    env = os.environ if environ is None else environ
    if isinstance(reference, str) and reference.lstrip().startswith("-----BEGIN"):
        return PublicKey.parse(reference.encode())
    found = parse_key_reference(reference)
    if isinstance(found, TokenKey):
        from provenance.signing.keys.token import read_token_key

        return read_token_key(found, env)
    held = _of_service(found, settings, env, None)
    if held is not None:
        return held.public_key
    raw = _public_pem(found, settings, env)
    with ProvenanceError.located_at(_shown(found)):
        return PublicKey.parse(raw)


def _shown(found: KeyReference) -> str:
    """The reference, for people; an address may hold a secret."""
    return "" if isinstance(found, UrlKey) else str(found)


def _of_service(
    found: KeyReference, settings: Settings | None, environ: Mapping[str, str], password: Password
) -> ServiceKey | None:
    """The key of a service that signs itself; None for what is read as PEM."""
    match found:
        case AwsKey():
            from provenance.signing.keys.aws import open_aws_key

            return open_aws_key(found, _settled(settings, environ))
        case GoogleKey():
            from provenance.signing.keys.google import open_google_key

            return open_google_key(found, _settled(settings, environ))
        case AzureKey():
            from provenance.signing.keys.azure import open_azure_key

            return open_azure_key(found, _settled(settings, environ))
        case VaultKey():
            from provenance.signing.keys.vault import open_transit_key

            return open_transit_key(found, _settled(settings, environ), environ)
        case TokenKey():
            from provenance.signing.keys.token import open_token_key

            return open_token_key(found, environ, _asks(password))
        case _:
            return None


def _asks(password: Password) -> Callable[[], str] | None:
    """What gives a PIN, out of what gives a password."""
    if password is None:
        return None

    def ask() -> str:
        given = password() if callable(password) else password
        return given.decode("utf-8", "surrogateescape") if isinstance(given, bytes) else given

    return ask


def _private_pem(
    found: KeyReference, settings: Settings | None, environ: Mapping[str, str]
) -> tuple[bytes, Password]:
    """A private key in PEM, and the password that is kept beside it, if one is."""
    if isinstance(found, KubernetesKey):
        from provenance.signing.keys.kubernetes import read_secret

        secret = read_secret(found, _settled(settings, environ), environ)
        return _entry(found, secret, "cosign.key"), secret.get("cosign.password")
    if isinstance(found, GitLabKey):
        from provenance.signing.keys.gitlab import read_variable

        its = _settled(settings, environ)
        raw = read_variable(found, "COSIGN_PRIVATE_KEY", its, environ).encode()
        return raw, read_variable(found, "COSIGN_PASSWORD", its, environ).encode()
    return _local_pem(found, environ), None


def _public_pem(
    found: KeyReference, settings: Settings | None, environ: Mapping[str, str]
) -> bytes:
    if isinstance(found, KubernetesKey):
        from provenance.signing.keys.kubernetes import read_secret

        secret = read_secret(found, _settled(settings, environ), environ)
        return _entry(found, secret, "cosign.pub")
    if isinstance(found, GitLabKey):
        from provenance.signing.keys.gitlab import read_variable

        its = _settled(settings, environ)
        return read_variable(found, "COSIGN_PUBLIC_KEY", its, environ).encode()
    if isinstance(found, UrlKey):
        return _fetched(found, _settled(settings, environ))
    return _local_pem(found, environ)


def _local_pem(found: KeyReference, environ: Mapping[str, str]) -> bytes:
    if isinstance(found, EnvironmentKey):
        value = environ.get(found.name)
        if value is None:
            raise NotFound(f"{found.name} is not set", hint="it must hold the key in PEM")
        return value.encode("utf-8", "surrogateescape")
    if not isinstance(found, FileKey):
        raise InvalidReference(f"{found} is no key that is read")
    try:
        if found.path.exists() and not found.path.is_file():
            raise NotFound(f"{found.path} is no file", hint="give the path of a PEM file")
        with found.path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no file {found.path}", hint="a key is a path, or a URI as awskms:///alias/A"
        ) from error
    except ValueError as error:
        raise InvalidReference(
            f"{str(found.path)[:200]!a} is no path", hint="give the path of a PEM file"
        ) from error
    except OSError as error:
        raise NotEvaluated(
            f"{str(found.path)[:200]} cannot be read ({error.strerror})",
            hint="check its permissions",
        ) from error


def _fetched(found: UrlKey, settings: Settings) -> bytes:
    from provenance.signing.keys.services import fetch_public

    return fetch_public(found.url, settings)


def _entry(found: KubernetesKey, secret: Mapping[str, bytes], name: str) -> bytes:
    if name not in secret:
        raise NotFound(f"{found} has no {name}", hint="was it made by cosign?")
    return secret[name]


def _settled(settings: Settings | None, environ: Mapping[str, str]) -> Settings:
    return settings or Settings.from_environment(environ)
