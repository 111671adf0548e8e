"""The house itself: what imports what, what is exported, what importing costs."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
import types

import pytest

import provenance
from provenance import errors
from provenance.errors import ProvenanceError

MODULES = sorted(m.name for m in pkgutil.walk_packages(provenance.__path__, "provenance."))


def test_exported_names_are_what_they_say_after_every_module_was_imported() -> None:
    for name in MODULES:
        if name != "provenance.__main__":
            importlib.import_module(name)
    for name in provenance.__all__:
        found = getattr(provenance, name)
        assert not isinstance(found, types.ModuleType), f"{name} is a module"
        assert found is not None
    assert set(dir(provenance)) == set(provenance.__all__)
    with pytest.raises(AttributeError):
        _ = provenance.nonsense


@pytest.mark.parametrize("name", [m for m in MODULES if not m.endswith("__main__")])
def test_every_module_lists_what_is_public_and_has_it(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, "a module says what it is for"
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), public


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, provenance\n"
        "heavy = {'requests', 'urllib3', 'sigstore', 'rich', 'cyclonedx', 'spdx_tools', 'oras',"
        " 'pandas', 'cryptography', 'click', 'msgspec', 'json', 'dataclasses'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ProvenanceError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_survive_a_pickle_with_everything_they_say(kind: type[ProvenanceError]) -> None:
    error = kind("what", hint="do this", reference="ghcr.io/a", digest="sha256:x")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__
    for word in ("what", "do this", "ghcr.io/a", "sha256:x"):
        assert word in str(error)


def test_each_error_has_a_code_of_its_own_and_is_exported() -> None:
    codes = [kind.code for kind in ERRORS]
    assert len(set(codes)) == len(codes)
    assert {kind.__name__ for kind in ERRORS} == set(errors.__all__) <= set(provenance.__all__)
