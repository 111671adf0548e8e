"""What every test shares: the fixtures users get too, the corpus, and no unexplained skip in CI."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["provenance.testing.pytest"]

ROOT = Path(__file__).parent.parent

# The same examples on every run, so that a run says something of the change and not of the day;
# `HYPOTHESIS_PROFILE=search` looks for new ones. No limits of time: machines are shared.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _PATIENT, derandomize=True)
settings.register_profile("search", _PATIENT, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real data, where there is one."""
    named = os.environ.get("PROVENANCE_CORPUS")
    folder = Path(named) if named else ROOT.parent / "shared" / "corpus"
    if named and not folder.is_dir():
        pytest.fail(f"PROVENANCE_CORPUS names {named}, which is no folder")
    if not folder.is_dir():
        pytest.skip("the corpus is not on this machine")
    return folder


@pytest.fixture(autouse=True)
def _own_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads the credentials, caches or settings of whoever runs it."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    no_mirrors = home / "registries.conf"
    no_mirrors.touch()
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(no_mirrors))
    for name in (
        *("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"),
        *("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SIGSTORE_ID_TOKEN", "SOURCE_DATE_EPOCH"),
        *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PROVENANCE_OFFLINE"),
        *("PROVENANCE_CACHE_DIR", "DOCKER_HOST", "COSIGN_REPOSITORY"),
        *("GITHUB_ACTIONS", "GITLAB_CI", "ACTIONS_ID_TOKEN_REQUEST_URL", "NO_COLOR"),
    ):
        monkeypatch.delenv(name, raising=False)
    per_user = str(home / "run-of-{}.json")
    monkeypatch.setattr("provenance.oci.credential_files._PER_USER", per_user)
    monkeypatch.setattr("provenance.transport.certificates._SYSTEM", ())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """In CI name each skip that is not allowed; `pytest_sessionfinish` fails the run for it."""
    for reason in _unexplained(terminalreporter):
        terminalreporter.write_line(f"skip not on the list of allowed ones: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI for a skip that tests/allowed_skips.toml does not explain."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and _unexplained(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unexplained(reporter: pytest.TerminalReporter) -> list[str]:
    allowed = tomllib.loads((ROOT / "tests" / "allowed_skips.toml").read_text("utf-8"))["skips"]
    reasons = []
    for report in reporter.stats.get("skipped", []):
        location = report.longrepr
        reason = location[2] if isinstance(location, tuple) else str(location)
        if not any(skip["reason"] in reason for skip in allowed):
            reasons.append(f"{report.nodeid}: {reason}")
    return reasons
