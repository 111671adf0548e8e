"""Trust material from a TUF repository. Source: TUF 1.0, through python-tuf's client.

One refresh a repository and day; what it found is kept below `Settings.cache_dir`, and its
signatures are checked again when it is read. The bytes come over our own transport: its proxies,
authorities and limits.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated, ProvenanceError
from provenance.transport.origin import display_url
from provenance.trust.tuf_cache import Kept, cache_file, read_kept, write_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuf.ngclient.updater import Updater

    from provenance.settings import Settings
    from provenance.trust.replaying import Replayed

__all__ = ["GITHUB", "PUBLIC_GOOD", "STAGING", "Refreshed", "kept", "refresh"]

PUBLIC_GOOD = "https://tuf-repo-cdn.sigstore.dev"
GITHUB = "https://tuf-repo.github.com"
STAGING = "https://tuf-repo-cdn.sigstage.dev"
_ROOT_TARGET = "trusted_root.json"
_SIGNING_TARGET = "signing_config.v0.2.json"
_DAY = 86400.0
_DIGITS = 10  # of no root there is a billionth
_METADATA = ("timestamp.json", "snapshot.json", "targets.json")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Trust material that TUF vouched for."""

    trusted_root: bytes = field(repr=False)
    signing_config: bytes | None = field(repr=False)
    """None: none is published."""
    fetched: dt.datetime
    """When the repository was last asked."""
    expires: dt.datetime
    """When what TUF signed of it ends: then it is asked again, if not before."""


_refreshed: dict[tuple[str, bytes, Path | None], tuple[float, Refreshed]] = {}
"""What this process was told, and until when that will do, by the monotonic clock."""


def refresh(url: str, root: bytes, settings: Settings, *, force: bool = False) -> Refreshed:
    """The current trust root and, where published, signing configuration.

    Asks the repository unless it was asked less than a day ago, here or in another process, and
    what it said has not expired meanwhile.

    Args:
        url: of the repository.
        root: a root of it that is trusted; newer ones must be signed by it.
        settings: how to fetch. Without `cache_dir` nothing is kept on disk.
        force: ask in any case.

    Raises:
        NotEvaluated: unreachable, expired, wrongly signed, or without a trust root.
    """
    key = url, root, settings.cache_dir
    held = _refreshed.get(key)
    if not force and held is not None and time.monotonic() < held[0]:
        return held[1]
    earlier = None if force else _kept_today(url, root, settings)
    found = earlier or _refresh(url, root, settings)
    _refreshed[key] = time.monotonic() + _left(found), found
    return found


def _left(found: Refreshed) -> float:
    """Seconds until the repository is asked again."""
    until = min(found.fetched + dt.timedelta(seconds=_DAY), found.expires)
    return (until - dt.datetime.now(dt.UTC)).total_seconds()


def kept(url: str, root: bytes, settings: Settings) -> Refreshed | None:
    """What the last refresh left, however old; None: nothing whose signatures hold.

    Nothing is asked and nothing written.
    """
    found = _replayed(url, root, settings)
    if found is None or _ROOT_TARGET not in found[1].targets:
        return None
    stored, replayed = found
    return Refreshed(
        replayed.targets[_ROOT_TARGET],
        replayed.targets.get(_SIGNING_TARGET),
        # A date in a file is nobody's word; the ends of what is signed bound it.
        min(stored.fetched, replayed.expires),
        min(replayed.expires, replayed.root_expires),
    )


def _kept_today(url: str, root: bytes, settings: Settings) -> Refreshed | None:
    """What a refresh of less than a day ago left, as long as its metadata has not expired."""
    found, now = _replayed(url, root, settings), dt.datetime.now(dt.UTC)
    if found is None:
        return None
    stored, replayed = found
    age = (now - stored.fetched).total_seconds()
    if not 0 <= age < _DAY or now >= min(replayed.expires, replayed.root_expires):
        return None
    return kept(url, root, settings)


def _replayed(url: str, root: bytes, settings: Settings) -> tuple[Kept, Replayed] | None:
    if settings.cache_dir is None:
        return None
    stored = read_kept(cache_file(url, settings.cache_dir))
    if stored is None or stored.url != url:
        return None
    replayed = _proven(root, stored.files)
    return None if replayed is None else (stored, replayed)


def _proven(root: bytes, files: Mapping[str, bytes]) -> Replayed | None:
    """What the signatures of files at hand prove; None: they do not hold."""
    from tuf.api.exceptions import RepositoryError

    from provenance.trust.replaying import replay

    try:
        return replay(root, files)
    except (RepositoryError, LookupError, ValueError, TypeError, AttributeError):
        return None


def _refresh(url: str, root: bytes, settings: Settings) -> Refreshed:
    from tuf.api.exceptions import DownloadError, RepositoryError

    at = None if settings.cache_dir is None else cache_file(url, settings.cache_dir)
    before = None if at is None else read_kept(at)
    try:
        # python-tuf works in a folder, which no two processes may share: each has its own.
        with tempfile.TemporaryDirectory() as scratch:
            _lay_out(Path(scratch), before.files if before and before.url == url else {})
            files = _ask(url, root, Path(scratch), settings)
    except (DownloadError, RepositoryError, ProvenanceError, OSError, ValueError) as error:
        raise NotEvaluated(
            f"the trust root of {display_url(url)} could not be refreshed ({_cause(error, url)})",
            hint="check the network and the clock, name a root file (trust=, --trusted-root), or "
            "go on with what is at hand (--offline)",
        ) from error
    trusted_root = files.get(f"targets/{_ROOT_TARGET}")
    if trusted_root is None:
        raise NotEvaluated(
            f"the TUF repository {display_url(url)} publishes no {_ROOT_TARGET}",
            hint="name a root file (trust=, --trusted-root)",
        )
    now = dt.datetime.now(dt.UTC)
    if at is not None:
        write_kept(at, Kept(url, now, files))
    proven = _proven(root, files)
    expires = now if proven is None else min(proven.expires, proven.root_expires)
    return Refreshed(trusted_root, files.get(f"targets/{_SIGNING_TARGET}"), now, expires)


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """The last refresh's files where python-tuf looks for them: it judges them like those it gets.

    So nothing rolls back, and what did not change is not fetched again.
    """
    metadata = folder / "metadata"
    (metadata / "root_history").mkdir(parents=True)
    (folder / "targets").mkdir()
    for name in _METADATA:
        if name in files:
            (metadata / name).write_bytes(files[name])
    for name in (_ROOT_TARGET, _SIGNING_TARGET):
        if (data := files.get(f"targets/{name}")) is not None:
            (folder / "targets" / name).write_bytes(data)
    for name, data in files.items():
        number = name.removeprefix("root_history/").removesuffix(".root.json")
        if number.isascii() and number.isdigit() and len(number) < _DIGITS:
            (metadata / "root_history" / f"{int(number)}.root.json").write_bytes(data)


def _ask(url: str, root: bytes, folder: Path, settings: Settings) -> dict[str, bytes]:
    """Every file that the repository has now, by name."""
    from tuf.ngclient.updater import Updater

    from provenance.transport.client import Client
    from provenance.trust.fetching import Fetcher

    metadata = folder / "metadata"
    with Client(settings) as client:
        updater = Updater(
            str(metadata),
            url,
            str(folder / "targets"),
            f"{url.rstrip('/')}/targets",
            fetcher=Fetcher(client),
            bootstrap=root,
        )
        updater.refresh()
        targets = {name: _target(updater, name) for name in (_ROOT_TARGET, _SIGNING_TARGET)}
    files = {f"targets/{name}": data for name, data in targets.items() if data is not None}
    files |= {name: (metadata / name).read_bytes() for name in _METADATA}
    history = (metadata / "root_history").glob("*.root.json")
    return files | {f"root_history/{file.name}": file.read_bytes() for file in history}


def _target(updater: Updater, name: str) -> bytes | None:
    """A verified target's content; None: it is not published."""
    info = updater.get_targetinfo(name)
    if info is None:
        return None
    path = updater.find_cached_target(info) or updater.download_target(info)
    return Path(path).read_bytes()


def _cause(error: BaseException, url: str) -> str:
    """The reason in a line: the transport's where it was the transport."""
    said = str(error.__cause__ or error).replace(url.rstrip("/"), display_url(url).rstrip("/"))
    return f"{type(error).__name__}: {said}"[:300]
