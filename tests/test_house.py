"""The house itself: what imports what, what is exported, what importing costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import pkgutil
import re
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

import provenance
import provenance.sbom
import provenance.testing
from provenance import catalog, errors
from provenance.errors import ProvenanceError

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "provenance").rglob("*.py"))
MODULES = sorted(m.name for m in pkgutil.walk_packages(provenance.__path__, "provenance."))


def test_exported_names_are_what_they_say_after_every_module_was_imported() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for name in provenance.__all__:
        found = getattr(provenance, name)
        assert not isinstance(found, types.ModuleType), f"{name} is a module"
        assert found is not None
    assert set(dir(provenance)) == set(provenance.__all__)
    with pytest.raises(AttributeError):
        getattr(provenance, "nonsense")  # noqa: B009 - type checkers know that it is not there


def test_no_module_has_the_name_of_what_its_room_exports() -> None:
    # Importing such a module would put it in the place of the function.
    for name in MODULES:
        room, _, stem = name.rpartition(".")
        exported = getattr(importlib.import_module(room), "__all__", ())
        if stem in exported:
            found = getattr(importlib.import_module(room), stem)
            assert isinstance(found, types.ModuleType), f"{name} is hidden by what it exports"


@pytest.mark.parametrize("front", [provenance, provenance.sbom, provenance.testing])
def test_type_checkers_see_the_names_that_are_loaded_on_first_use(front: types.ModuleType) -> None:
    assert front.__file__
    names: dict[str, str] = {}
    for node in ast.parse(Path(front.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                assert statement.module
                names |= {a.asname or a.name: statement.module or "" for a in statement.names}
    assert names == vars(front)["_EXPORTS"]


def test_rooms_take_nothing_but_the_version_from_the_front_door() -> None:
    # import-linter is told to overlook what the front door imports, so this holds that wall.
    for source in SOURCES:
        if source == ROOT / "src" / "provenance" / "__init__.py":
            continue
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert all(alias.name != "provenance" for alias in node.names), source
            if isinstance(node, ast.ImportFrom) and node.module == "provenance":
                assert [alias.name for alias in node.names] == ["__version__"], source


def test_every_cataloger_is_listed_and_tested_under_its_own_name() -> None:
    room = "provenance.catalog.ecosystems."
    modules = [importlib.import_module(m) for m in MODULES if m.startswith(room)]
    direct = [m for m in modules if m.__name__.count(".") == 3]
    declared = {m.__name__: m.CATALOGER for m in direct if hasattr(m, "CATALOGER")}
    assert sorted(c.name for c in declared.values()) == sorted(c.name for c in catalog.ALL)
    for module in declared:
        name = module.rpartition(".")[2]
        assert list((ROOT / "tests" / "catalog").glob(f"test_{name}*.py")), name


def test_the_api_reference_has_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")
    documented: set[str] = set()
    for name in re.findall(r"automodule:: (\S+)", page):
        documented |= set(importlib.import_module(name).__all__)
    public = {*provenance.__all__, *provenance.testing.__all__} - {"__version__"}
    assert public - documented == set()


def test_no_test_reaches_beyond_loopback() -> None:
    # Newer versions of the plugin warn while they raise, and warnings are errors here.
    refused = (SocketConnectBlockedError, UserWarning)
    with socket.socket() as outside, pytest.raises(refused, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 80))


@pytest.mark.parametrize("name", MODULES)
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


def test_generating_a_document_loads_only_what_makes_it(tmp_path: Path) -> None:
    # Each costs the command its start-up, on every image.
    (tmp_path / "root").mkdir()
    code = (
        "import sys\n"
        "from provenance.catalog import generate_sbom\n"
        "generate_sbom('dir:' + sys.argv[1], cache=None).to_bytes()\n"
        "unused = {'html', 'sqlite3', 'license_expression', 'provenance.sbom.typed',"
        " 'provenance.sbom.reading', 'provenance.sbom.spdx', 'provenance.sbom.cyclonedx.xml',"
        " 'provenance.sbom.comparing', 'provenance.sbom.merging', 'provenance.sbom.license_view',"
        " 'provenance.sbom.rows', 'provenance.sbom.columns', 'provenance.sbom.decoding.syntaxes',"
        " 'provenance.sbom.cyclonedx.reading', 'importlib.resources', 'email',"
        " 'provenance.catalog.cache', 'provenance.catalog.ecosystems.rpm.reading'}\n"
        "print(sorted(unused & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "root")],
        capture_output=True,
        text=True,
        check=True,
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
