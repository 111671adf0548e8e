"""Registries as they are in the wild, by name: `LocalRegistry(profile="ghcr")`.

Each has the ways in which it differs from the specification where a client can see it, with its
source. They hold a client to what was met once; a real registry is the better witness.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.testing.registry.behaviour import Behaviour, Door, Rate, Refusal

__all__ = ["PROFILES", "Profile", "find_profile"]

_BROWSER = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of registry."""

    name: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    door: Door = field(default_factory=Door)


PROFILES = (
    Profile(
        "ghcr",
        Behaviour(
            # 404 for the referrers API (artifacthub #4785; GitHub's documentation names none).
            referrers_api=False,
            # Blobs are at pkg-containers.githubusercontent.com, by signed links.
            redirects_blobs=True,
        ),
        # Public packages are read with a token that anyone gets.
        Door("bearer", anonymous_pull=True, service="ghcr.io"),
    ),
    Profile(
        "ghcr-redirecting",
        Behaviour(
            # April 2026: 303 to the web pages of github.com, which soon answered 429
            # (artifacthub #4785).
            referrers_api=False,
            no_referrers=Refusal(303, elsewhere="/orgs/packages"),
            page_elsewhere=429,
            redirects_blobs=True,
        ),
        Door("bearer", anonymous_pull=True, service="ghcr.io"),
    ),
    Profile(
        "dockerhub",
        Behaviour(
            # The referrers API is there since autumn 2025 (soci-snapshotter #1828).
            redirects_blobs=True,
            # A GET of a manifest counts as a pull, a HEAD does not; 100 in six hours without an
            # account (Docker's "Usage and limits").
            rates=(Rate(100, "/manifests/", method="GET", retry_after=21600),),
        ),
        Door("bearer", anonymous_pull=True, service="registry.docker.io"),
    ),
    Profile(
        "acr",
        Behaviour(
            redirects_blobs=True,
            # A new referrer is listed a moment later.
            referrers_lag=1,
            # 1,000 lists in a minute for one identity; TOOMANYREQUESTS.
            rates=(Rate(1000, "/referrers/", retry_after=60),),
        ),
        # Microsoft's "Azure Container Registry Authentication" (AAD-OAuth): the token comes as
        # access_token alone, and an identity token is exchanged at the same place.
        Door(
            "bearer",
            token_path="/oauth2/token",  # noqa: S106 - a path
            service="registry.azurecr.io",
            token_names=("access_token",),
        ),
    ),
    Profile(
        "artifactory",
        # Before 7.90.1: 406 for the referrers API.
        Behaviour(
            referrers_api=False,
            no_referrers=Refusal(406, "application/json", b'{"errors": [{"status": 406}]}'),
        ),
        # A HEAD is challenged without a scope.
        Door("bearer", token_path="/v2/token", service="artifactory", scope_of_head=False),  # noqa: S106 - a path
    ),
    Profile(
        "harbor29",
        # 2.9.1 sends the list of referrers as plain JSON; a session cookie turns the next
        # request into a browser's, which needs a CSRF token (goharbor/harbor, middleware/csrf).
        Behaviour(referrers_type="application/json", session_cookie=True),
        Door("bearer", token_path="/service/token", service="harbor-registry"),  # noqa: S106 - a path
    ),
    Profile(
        "harbor27",
        # Up to 2.7: 401 for the end point it does not know, without a challenge.
        Behaviour(
            referrers_api=False,
            no_referrers=Refusal(
                401,
                "application/json",
                b'{"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized"}]}',
            ),
            session_cookie=True,
        ),
        Door("bearer", token_path="/service/token", service="harbor-registry"),  # noqa: S106 - a path
    ),
    Profile(
        "gar",
        # The challenge names no service; the referrers API is there.
        Behaviour(),
        Door("bearer", anonymous_pull=True, token_path="/v2/token", names_service=False),  # noqa: S106 - a path
    ),
    Profile(
        "gcr",
        # Before that, and registry.k8s.io: 307 to a page to sign in, which says 200.
        Behaviour(
            referrers_api=False,
            no_referrers=Refusal(307, _BROWSER, b"", elsewhere="/signin"),
        ),
        Door("bearer", anonymous_pull=True, token_path="/v2/token", names_service=False),  # noqa: S106 - a path
    ),
    Profile(
        "quay",
        # Schema 1 for those who accept only other types than the stored one.
        Behaviour(schema1=True),
        Door("bearer", anonymous_pull=True, token_path="/v2/auth", service="quay.io"),  # noqa: S106 - a path
    ),
    Profile(
        "ecr",
        # Repositories are made beforehand; a page has at most 1,000 entries (Amazon's
        # "Amazon ECR service quotas"). Referrers since June 2024.
        Behaviour(creates_repositories=False, longest_page=1000),
        Door("basic", basic_challenge='Basic realm="https://ecr.amazonaws.com/",service="ecr"'),
    ),
    Profile(
        "gitlab",
        # Its token service refuses a query without the service (gitlab-org/gitlab, jwt/auth).
        Behaviour(referrers_api=False),
        Door(
            "bearer",
            token_path="/jwt/auth",  # noqa: S106 - a path
            service="container_registry",
            needs_service=True,
        ),
    ),
    Profile(
        "nexus",
        Behaviour(referrers_api=False),
        # The scheme in capitals, and a realm that is no URL.
        Door("basic", basic_challenge='BASIC realm="Sonatype Nexus Repository Manager"'),
    ),
    Profile(
        "zot",
        # An empty list, 200, for a repository that is not there too: as is the default here.
        Behaviour(),
        Door("basic", anonymous_pull=True, basic_challenge='Basic realm="zot"'),
    ),
    Profile(
        "distribution28",
        # Seen with 2.8.2: no referrers API, one POST is the start of an upload, 400 for a
        # manifest of sha512 or above 4 MiB and for deleting a tag.
        Behaviour(
            referrers_api=False,
            single_post=False,
            deletes_tags=False,
            manifest_algorithms=("sha256",),
            too_large=400,
        ),
    ),
)


def find_profile(profile: str | Profile | None) -> Profile:
    """A profile by its name; one of the caller's own; the specification for None.

    Raises ValueError for a name that is none, and lists them.
    """
    if profile is None:
        return Profile("")
    if isinstance(profile, Profile):
        return profile
    for known in PROFILES:
        if known.name == profile:
            return known
    names = ", ".join(known.name for known in PROFILES)
    raise ValueError(f"no profile is named {profile!r}: one of {names}")
