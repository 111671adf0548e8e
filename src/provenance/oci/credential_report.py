"""Where credentials would come from, without their secrets: for people who ask why.

Files are read; no helper and no plugin is run.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import ProvenanceError
from provenance.oci.credential_files import CredentialFile, places
from provenance.oci.credential_helpers import program_of
from provenance.oci.credentials import PLUGIN_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CredentialSource", "credential_sources"]


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """One source, and its state."""

    name: str
    """A path, a variable, a program, or the name of a plugin."""
    state: str
    """`not there`, `logins: 2`, what is wrong with it."""
    ok: bool = True
    """False: something is there and cannot be used."""


def credential_sources(environ: Mapping[str, str] | None = None) -> tuple[CredentialSource, ...]:
    """Every source, in the order in which they are asked. Never raises for a broken one."""
    env = os.environ if environ is None else environ
    return (*_files(env), *_plugins())


def _files(env: Mapping[str, str]) -> Iterator[CredentialSource]:
    for place in places(env):
        try:
            file = place.read()
            helpers = [] if file is None else _helpers(file)
        except ProvenanceError as error:
            yield CredentialSource(place.name, error.message, ok=False)
            continue
        if file is None:
            yield CredentialSource(place.name, "not there")
            continue
        yield CredentialSource(place.name, f"logins: {len(list(file.entries()))}")
        for program, hosts in helpers:
            found = shutil.which(program, path=env.get("PATH"))
            state = f"for {hosts}: {found or 'not on the PATH'}"
            yield CredentialSource(program, state, ok=found is not None)


def _helpers(file: CredentialFile) -> list[tuple[str, str]]:
    """Programs, and the hosts they are for. Raises MalformedDocument."""
    helpers = file.document.get("credHelpers")
    hosts = list(helpers) if isinstance(helpers, dict) else []
    named = [(file.helper(host), host) for host in hosts]
    out = [(program_of(found[0]), host) for found, host in named if found is not None]
    store = file.store("")
    return out if store is None else [*out, (program_of(store[0]), "every host")]


def _plugins() -> Iterator[CredentialSource]:
    from importlib.metadata import entry_points

    for plugin in sorted(entry_points(group=PLUGIN_GROUP), key=lambda p: p.name):
        package = plugin.dist.name if plugin.dist is not None else "an unknown package"
        yield CredentialSource(plugin.name, f"plugin of {package}")
