"""`login` and `logout`: credentials that a registry has accepted, kept where others look too.

The files are those of `docker login` and `podman login`: what is kept here is known there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import (
    Forbidden,
    InvalidReference,
    NotEvaluated,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci.auth import choose_challenge
from provenance.oci.challenges import wants_login
from provenance.oci.credential import Credential
from provenance.oci.credential_files import HUB_NAMES, Place, places
from provenance.oci.credential_writing import keep, remove
from provenance.oci.realms import check_realm
from provenance.oci.reference import Reference
from provenance.oci.token_service import basic, request_grant
from provenance.transport.origin import display_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.oci.challenges import Challenge
    from provenance.settings import Limits, Settings
    from provenance.transport.client import Client
    from provenance.transport.response import Response

__all__ = ["check_login", "login", "logout", "registry_name"]


def login(
    registry: str,
    credential: Credential,
    *,
    auth_file: str | Path | None = None,
    check: bool = True,
    settings: Settings | None = None,
    limits: Limits | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Ask the registry whether it takes `credential`, keep it, and say where: a file or helper.

    Where the token service offers an identity token, that is kept in place of the password. The
    place is `auth_file`; REGISTRY_AUTH_FILE; Docker's `config.json`, if it exists or nothing else
    does; else podman's `auth.json`. If the file names a credential helper, that keeps it.

    Args:
        registry: `ghcr.io`, `localhost:5000`, or a part of a registry, as `quay.io/org`.
        credential: a name and password, or an identity token.
        auth_file: where to keep it.
        check: False: keep it unasked, for a registry that gives no answer to this question.
        settings: how to reach the registry; None: those of the environment.
        limits: caps on what is read.
        environ: None: the process' environment.

    Raises:
        Unauthorized, Forbidden: the registry refused; nothing was kept.
        NotEvaluated, RateLimited, RegistryUnavailable: it did not say, or the place cannot be
            written; nothing was kept.
        InvalidReference: `registry` is no such name. UnsupportedFormat, MalformedDocument: it
            cannot be kept there.
    """
    env = os.environ if environ is None else environ
    name = registry_name(registry)
    place = _place(env, auth_file)
    if check:
        host = name.partition("/")[0]
        credential = check_login(host, credential, settings=settings, limits=limits)
    return keep(place, name, credential, env)


def logout(
    registry: str,
    *,
    auth_file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Remove the login that would be used for `registry`; returns from where, "" if there is none.

    Only `auth_file` where one is given; else the first place that has one. Another may have one.

    Raises:
        NotEvaluated: a place cannot be read or written, or a helper failed.
        InvalidReference: `registry` is no such name.
    """
    env = os.environ if environ is None else environ
    name = registry_name(registry)
    chosen = places(env) if auth_file is None else (Place("named", Path(auth_file)),)
    return next((where for place in chosen if (where := remove(place, name, env))), "")


def registry_name(text: str) -> str:
    """`text` as credentials files say it: a host, or a host and a part of a path.

    >>> registry_name("https://GHCR.io/"), registry_name("index.docker.io")
    ('ghcr.io', 'docker.io')

    Raises InvalidReference: it is neither, or a host that no reference could name.
    """
    bare = re.sub(r"\Ahttps?://", "", text).rstrip("/")
    if "@" in bare:  # not quoted: a password may stand before it
        raise InvalidReference(
            "a registry is named without a name and password",
            hint="name the host alone; the name goes by --username, the password by standard input",
        )
    bare = bare.removesuffix("/v1") if bare.startswith(HUB_NAMES[1]) else bare
    host, slash, _ = bare.partition("/")
    if host.lower() in HUB_NAMES and not slash:
        return HUB_NAMES[0]
    found = Reference.parse(f"{bare}/any")
    hub = found.registry == HUB_NAMES[0] and host.lower() not in HUB_NAMES
    if found.scheme != "docker" or hub:
        raise InvalidReference(
            f"{text[:300]!r} is no registry",
            hint="name a host with a dot or a port, as ghcr.io or localhost:5000",
        )
    return found.name.removesuffix("/any")


def _place(env: Mapping[str, str], auth_file: str | Path | None) -> Place:
    """Where a login is kept."""
    if auth_file is not None:
        return Place("named", Path(auth_file))
    known = [place for place in places(env) if place.path is not None]
    named = [p for p in known if p.kind == "named"]
    docker = [p for p in known if p.kind == "docker"]
    if named or (docker and env.get("DOCKER_CONFIG")):
        return (named or docker)[0]
    existing = (p for p in known if p.read() is not None)
    chosen = next(existing, None) or next(iter(docker or known), None)
    if chosen is None:
        raise NotEvaluated(
            "there is no place to keep a login, as there is no HOME",
            hint="name a file (--auth-file, REGISTRY_AUTH_FILE)",
        )
    return chosen


def check_login(
    host: str,
    credential: Credential,
    *,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Credential:
    """Ask the registry whether it takes `credential`; returns what is best kept of it.

    That is an identity token, where the token service gives one for a password.

    Raises:
        Unauthorized, Forbidden: it does not.
        NotEvaluated: it did not say. RateLimited, RegistryUnavailable: it did not answer.
    """
    from provenance.oci.mirrors import Mirrors
    from provenance.oci.registry import Registry

    with Registry(settings=settings, limits=limits, mirrors=Mirrors()) as registry:
        client, base = registry.client, registry.repository(f"{host}/any").base
        url = f"{base}/v2/"
        with client.request("GET", url) as response:
            challenge = _challenge(response, host, base)
        kept = credential
        if challenge is None:
            authorization = basic(credential)
        elif challenge.scheme == "bearer":
            authorization, kept = _bearer(client, challenge, base, host, credential)
        elif credential.username and credential.password:
            authorization = basic(credential)
        else:
            raise Unauthorized(
                f"{host} takes a name and password, and no identity token",
                hint="log in with both",
            )
        with client.request("GET", url, authorization=authorization) as response:
            _accept(response, host, base)
    if challenge is None:
        raise NotEvaluated(
            f"{host} asks for no login to say that it is there, so it cannot tell whether this"
            " one is right",
            hint="save it unasked (--unchecked), and see what a pull or push says",
        )
    return kept


def _challenge(response: Response, host: str, base: str) -> Challenge | None:
    """What is asked of those who come without anything; None: nothing."""
    header = response.headers.get("WWW-Authenticate", "")
    if origin_of(response.url) == origin_of(base):
        if response.status == 200:
            return None
        if wants_login(response.status, header):
            challenge = choose_challenge(header)
            if challenge is not None:
                return challenge
            raise NotEvaluated(
                f"{host} wants a login of a kind that this version does not know",
                hint="save it unasked (--unchecked)",
            )
    raise _unexpected(response, host)


def _bearer(
    client: Client, challenge: Challenge, base: str, host: str, credential: Credential
) -> tuple[str, Credential]:
    """A token without any scope, as it is the login alone that is asked about.

    And what to keep: as Docker does, a new identity token in place of what was given.
    """
    public = check_realm(challenge.parameters["realm"], base, client.settings)
    grant = request_grant(client, challenge, (), credential, host=host, public=public, offline=True)
    if grant.refresh_token:
        credential = Credential(credential.username, "", grant.refresh_token, credential.source)
    return f"Bearer {grant.token}", credential


def _accept(response: Response, host: str, base: str) -> None:
    header = response.headers.get("WWW-Authenticate", "")
    if origin_of(response.url) != origin_of(base):
        raise _unexpected(response, host)
    if wants_login(response.status, header):
        raise Unauthorized(f"{host} refused this login", hint="check the name and the password")
    if response.status == 403:
        raise Forbidden(f"{host} forbids access with this login", hint="ask for access there")
    if response.status != 200:
        raise _unexpected(response, host)


def _unexpected(response: Response, host: str) -> ProvenanceError:
    where = display_url(response.url)
    if response.status == 429:
        return RateLimited(
            f"{host} answered 429 (too many requests) to a login",
            retry_after=response.retry_after,
            hint="nothing is known about it; wait",
        )
    hint = "check the name of the registry" if response.status == 404 else "try again later"
    return RegistryUnavailable(f"{where} answered {response.status} to a login", hint=hint)
