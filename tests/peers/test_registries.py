"""The client suite against real registries: what is proven here is true of the world outside.

What each of them does beyond the least is in its `Takes`, with where that was seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.oci.client_suite import ClientSuite, Logins, Tokens
from tests.oci.under_test import PATIENT, Takes, UnderTest
from tests.peers.authority import Authority
from tests.peers.serving import serve_distribution, serve_olareg
from tests.peers.token_server import ISSUER, SERVICE, TokenServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.peer

ACCOUNT = ("alice", "open sesame")
# That password under bcrypt at its lowest cost, as htpasswd -B writes it.
HTPASSWD = "alice:$2y$04$provenanceprovenanceaO2NaUduMkM/GaHcxltngCezceu58kBYO\n"
# olareg 0.1.2: refuses what is no image, index or Docker type (manifest.go); reads, appends and
# writes a list of referrers without a lock, so that it loses some of several at once
# (referrer.go, referrerAdd); says that a repository nobody pushed to has no tags (tag.go).
OLAREG = Takes(artifact_manifests=False, writers_at_once=False, names_missing=False)
# distribution 2.8.2, each seen in its answers: no /referrers (404); 400 to the artifact manifest
# and to a manifest named by sha512; all tags whatever `n` says; 416 to every question about an
# upload of which it has more than its last answer said.
DISTRIBUTION_2 = Takes(
    referrers_api=False,
    artifact_manifests=False,
    sha512_manifests=False,
    pages=False,
    uploads_go_on=False,
)
# distribution 3.1.2 reads `n` (tags.go) and tells of every upload (blobupload.go).
DISTRIBUTION_3 = replace(DISTRIBUTION_2, pages=True, uploads_go_on=True)


@pytest.fixture(autouse=True)
def _close_sessions(registry: UnderTest) -> Iterator[None]:
    yield
    registry.close()


@pytest.fixture(scope="class")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a registry keeps everything."""
    return tmp_path_factory.mktemp("registry")


class TestOlareg(ClientSuite):
    """The referrers API; nobody is asked who they are."""

    @pytest.fixture(scope="class")
    @classmethod
    def registry(cls, folder: Path) -> Iterator[UnderTest]:
        with serve_olareg(folder) as host:
            yield UnderTest(host, OLAREG)


class TestDistribution3(ClientSuite):
    """The fallback tag; nobody is asked who they are."""

    @pytest.fixture(scope="class")
    @classmethod
    def registry(cls, folder: Path) -> Iterator[UnderTest]:
        with serve_distribution("registry", folder) as host:
            yield UnderTest(host, DISTRIBUTION_3)


class TestDockerRegistryWithPasswords(ClientSuite, Logins):
    """Debian's 2.8 behind TLS and htpasswd."""

    @pytest.fixture(scope="class")
    @classmethod
    def registry(cls, folder: Path) -> Iterator[UnderTest]:
        authority = Authority()
        (folder / "ca.pem").write_bytes(authority.pem)
        (folder / "htpasswd").write_text(HTPASSWD)
        auth = f"{{htpasswd: {{realm: registry of a test, path: {folder / 'htpasswd'}}}}}"
        tls = authority.issue_pem("registry")
        with serve_distribution("docker-registry", folder, tls=tls, auth=auth) as host:
            settings = replace(PATIENT, ca_bundle=folder / "ca.pem", encrypted=(host,))
            yield UnderTest(host, DISTRIBUTION_2, settings, ACCOUNT)


class _WithTokens(ClientSuite, Tokens):
    """A registry that believes a token server."""

    program: str
    takes: Takes

    @pytest.fixture(scope="class")
    @classmethod
    def registry(cls, folder: Path) -> Iterator[UnderTest]:
        authority = Authority()
        (folder / "roots.pem").write_bytes(authority.pem)
        with TokenServer(authority, ACCOUNT) as tokens:
            auth = (
                f"{{token: {{realm: '{tokens.realm}', service: {SERVICE}, issuer: {ISSUER}, "
                f"rootcertbundle: {folder / 'roots.pem'}}}}}"
            )
            with serve_distribution(cls.program, folder, auth=auth) as host:
                yield UnderTest(
                    *(host, cls.takes),
                    account=ACCOUNT,
                    shorten=tokens.shorten,
                    expire=tokens.expire,
                )


class TestDockerRegistryWithTokens(_WithTokens):
    """Debian's 2.8."""

    program, takes = "docker-registry", DISTRIBUTION_2


class TestDistribution3WithTokens(_WithTokens):
    """The current one."""

    program, takes = "registry", DISTRIBUTION_3
