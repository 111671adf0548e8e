"""Trust material from a TUF repository. Source: TUF 1.0, through python-tuf's client.

One refresh a repository, process and day; metadata and targets are cached below
`Settings.cache_dir`. The bytes come over our own transport: its proxies, authorities and limits.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated, ProvenanceError

if TYPE_CHECKING:
    from tuf.ngclient.updater import Updater

    from provenance.settings import Settings

__all__ = ["PUBLIC_GOOD", "STAGING", "refresh"]

PUBLIC_GOOD = "https://tuf-repo-cdn.sigstore.dev"
STAGING = "https://tuf-repo-cdn.sigstage.dev"
_ROOT_TARGET = "trusted_root.json"
_SIGNING_TARGET = "signing_config.v0.2.json"
_DAY = 86400.0

_Material = tuple[bytes, bytes | None]
_refreshed: dict[tuple[str, bytes, Path | None], tuple[float, _Material]] = {}


def refresh(url: str, root: bytes, settings: Settings) -> _Material:
    """The current trust root and, where published, signing configuration.

    Args:
        url: of the repository.
        root: a root of it that is trusted; newer ones must be signed by it.
        settings: how to fetch. Without `cache_dir` nothing is kept on disk.

    Raises:
        NotEvaluated: unreachable, expired, wrongly signed, or without a trust root.
    """
    key = url, root, settings.cache_dir
    now = time.monotonic()
    if key in _refreshed and now - _refreshed[key][0] < _DAY:
        return _refreshed[key][1]
    with tempfile.TemporaryDirectory() as scratch:
        found = _refresh(url, root, _folder(url, settings.cache_dir) or Path(scratch), settings)
    _refreshed[key] = now, found
    return found


def _folder(url: str, cache_dir: Path | None) -> Path | None:
    """Where to cache; None where that is switched off, or not possible."""
    if cache_dir is None:
        return None
    folder = cache_dir / "tuf" / hashlib.sha256(url.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def _refresh(url: str, root: bytes, folder: Path, settings: Settings) -> _Material:
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.ngclient.updater import Updater

    from provenance.transport.client import Client
    from provenance.trust.fetching import Fetcher

    metadata, targets = folder / "metadata", folder / "targets"
    try:
        metadata.mkdir(exist_ok=True, mode=0o700)
        targets.mkdir(exist_ok=True, mode=0o700)
        with Client(settings) as client:
            updater = Updater(
                str(metadata),
                url,
                str(targets),
                f"{url.rstrip('/')}/targets",
                fetcher=Fetcher(client),
                bootstrap=root,
            )
            updater.refresh()
            trusted_root = _target(updater, _ROOT_TARGET)
            signing_config = _target(updater, _SIGNING_TARGET)
    except (DownloadError, RepositoryError, ProvenanceError, OSError, ValueError) as error:
        raise NotEvaluated(
            f"the trust root of {url} could not be refreshed ({_cause(error)})",
            hint="check the network and the clock, or name a root file (trust=, --trusted-root)",
        ) from error
    if trusted_root is None:
        raise NotEvaluated(
            f"the TUF repository {url} publishes no {_ROOT_TARGET}",
            hint="name a root file (trust=, --trusted-root)",
        )
    return trusted_root, signing_config


def _target(updater: Updater, name: str) -> bytes | None:
    """A verified target's content; None: it is not published."""
    info = updater.get_targetinfo(name)
    if info is None:
        return None
    path = updater.find_cached_target(info) or updater.download_target(info)
    return Path(path).read_bytes()


def _cause(error: BaseException) -> str:
    """The reason in a line: the transport's where it was the transport."""
    return f"{type(error).__name__}: {error.__cause__ or error}"[:300]
