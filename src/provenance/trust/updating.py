"""Trust material from a TUF repository. Source: TUF 1.0, through python-tuf's client.

One refresh a repository and process; metadata and targets are cached below `Settings.cache_dir`.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated

if TYPE_CHECKING:
    from tuf.ngclient.updater import Updater

__all__ = ["PUBLIC_GOOD", "STAGING", "refresh"]

PUBLIC_GOOD = "https://tuf-repo-cdn.sigstore.dev"
STAGING = "https://tuf-repo-cdn.sigstage.dev"
_ROOT_TARGET = "trusted_root.json"
_SIGNING_TARGETS = ("signing_config.v0.2.json",)


@functools.lru_cache(maxsize=8)
def refresh(url: str, root: bytes, cache_dir: Path | None) -> tuple[bytes, bytes | None]:
    """The current trust root and, where published, signing configuration.

    Args:
        url: of the repository.
        root: a root of it that is trusted; newer ones must be signed by it.
        cache_dir: None: nothing is kept.

    Raises:
        NotEvaluated: unreachable, expired, wrongly signed, or without a trust root.
    """
    if cache_dir is None:
        with tempfile.TemporaryDirectory() as folder:
            return _refresh(url, root, Path(folder))
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return _refresh(url, root, cache_dir / "tuf" / name)


def _refresh(url: str, root: bytes, folder: Path) -> tuple[bytes, bytes | None]:
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.ngclient.updater import Updater

    metadata, targets = folder / "metadata", folder / "targets"
    try:
        metadata.mkdir(parents=True, exist_ok=True, mode=0o700)
        targets.mkdir(parents=True, exist_ok=True, mode=0o700)
        updater = Updater(
            str(metadata), url, str(targets), f"{url.rstrip('/')}/targets", bootstrap=root
        )
        updater.refresh()
        found = [_target(updater, name) for name in (_ROOT_TARGET, *_SIGNING_TARGETS)]
    except (DownloadError, RepositoryError, OSError, ValueError) as error:
        raise NotEvaluated(
            f"the trust root of {url} could not be refreshed ({type(error).__name__})",
            hint="check the network and the clock, or name a root file (trust=, --trusted-root)",
        ) from error
    if found[0] is None:
        raise NotEvaluated(f"the TUF repository {url} publishes no {_ROOT_TARGET}")
    return found[0], found[1]


def _target(updater: Updater, name: str) -> bytes | None:
    """A verified target's content; None: it is not published."""
    info = updater.get_targetinfo(name)
    if info is None:
        return None
    path = updater.find_cached_target(info) or updater.download_target(info)
    return Path(path).read_bytes()
