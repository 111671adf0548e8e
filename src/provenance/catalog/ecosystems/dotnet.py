"""What a .NET application brings along: `*.deps.json`.

Source: .NET's "Runtime configuration file" (`runtime-configuration-file.md` of the SDK); the purl
type `nuget`. Not read: `packages.lock.json`, `*.csproj` (wishes, not facts).

Projects are the application's own code: no NuGet package, though one of that name may exist.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Cataloger, Problem, Relation
from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import MatchedFile

__all__ = ["CATALOGER"]

_NAME = re.compile(r"\w[\w.-]{0,255}")
_VERSION = re.compile(r"[!-~]{1,256}", re.ASCII)
_SHA512 = re.compile(r"sha512-[A-Za-z0-9+/]{86}==", re.ASCII)
_MOST = 20_000  # libraries of one application; large ones have some hundreds
_RUNTIME_PACK = "runtimepack."
_OWN = frozenset({"project", "msbuildproject"})
_PACKAGES = frozenset({"package", "runtimepack"})


class _Target(msgspec.Struct):
    name: str = ""


class _Library(msgspec.Struct):
    type: str = ""
    sha512: str | None = None


class _Use(msgspec.Struct):
    dependencies: dict[str, str] | None = None
    compile_only: bool | None = msgspec.field(name="compileOnly", default=None)


class _Deps(msgspec.Struct):
    runtime_target: _Target | str | None = msgspec.field(name="runtimeTarget", default=None)
    targets: dict[str, dict[str, msgspec.Raw]] = {}
    libraries: dict[str, msgspec.Raw] = {}


_NO_USE = _Use()
_DEPS = msgspec.json.Decoder(_Deps)
_LIBRARY = msgspec.json.Decoder(_Library)
_USE = msgspec.json.Decoder(_Use)


def read(file: MatchedFile) -> Iterator[Package | Relation | Problem]:
    """Yield each library that is there at run time, and what it depends on."""
    deps = decode_typed(_DEPS, file.body)
    if isinstance(deps, Unreadable):
        yield Problem(file.path, deps.why)
        return
    if len(deps.libraries) > _MOST:
        yield Problem(file.path, f"lists more than {_MOST} libraries")
        return
    uses: dict[str, _Use] = {}
    for key, raw in _runtime(deps).items():
        use = decode_typed(_USE, raw)
        if isinstance(use, Unreadable):
            yield Problem(file.path, f"the .NET target of {key[:100]!r} {use.why}")
        else:
            uses[key] = use
    purls: dict[str, str] = {}
    for key, raw in deps.libraries.items():
        for item in _read_library(key, raw, uses.get(key, _NO_USE), file):
            if isinstance(item, Package):
                purls[_name(key)] = item.purl
            yield item
    yield from _relations(uses, purls)


def _name(key: str) -> str:
    """What dependencies are compared by: NuGet's names have no case."""
    return key.partition("/")[0].lower()


def _runtime(deps: _Deps) -> dict[str, msgspec.Raw]:
    target = deps.runtime_target
    name = target.name if isinstance(target, _Target) else target or ""
    if name not in deps.targets and len(deps.targets) == 1:
        (name,) = deps.targets
    return deps.targets.get(name, {})


def _read_library(
    key: str, raw: msgspec.Raw, use: _Use, file: MatchedFile
) -> Iterator[Package | Problem]:
    library = decode_typed(_LIBRARY, raw)
    if isinstance(library, Unreadable):
        yield Problem(file.path, f"the .NET library {key[:100]!r} {library.why}")
        return
    kind = library.type.lower()
    # Others (`reference`, `referenceassembly`, `platform`) are files that are no package; what only
    # the compiler needed is not there.
    if kind not in _PACKAGES | _OWN or use.compile_only:
        return
    stated, _, version = key.partition("/")
    name = stated.removeprefix(_RUNTIME_PACK) if kind == "runtimepack" else stated
    if _NAME.fullmatch(name) is None:
        yield Problem(file.path, f"the .NET library {key[:100]!r} has no usable name")
        return
    if not version:
        yield Problem(file.path, f"the .NET library {key[:100]!r} has no version")
    elif _VERSION.fullmatch(version) is None:
        yield Problem(file.path, f"the .NET library {key[:100]!r} has no usable version")
        return
    own = kind in _OWN
    type_ = "generic" if own else "nuget"
    try:
        purl = build_purl(type_, "", name, version)
    except MalformedDocument as error:
        yield Problem(file.path, str(error))
        return
    yield Package(
        name=name,
        version=version,
        type=type_,
        purl=purl,
        hashes=_hashes(library.sha512),
        locations=(file.location,),
        depends=tuple(f"{need} {wanted}" for need, wanted in (use.dependencies or {}).items()),
        cataloger=CATALOGER.name,
        kind="application" if own else "",
    )


def _hashes(text: str | None) -> dict[str, str]:
    """Of the `.nupkg` it came from."""
    if not text or _SHA512.fullmatch(text) is None:
        return {}
    return {"sha512": binascii.a2b_base64(text[7:]).hex()}


def _relations(uses: dict[str, _Use], purls: dict[str, str]) -> Iterator[Relation]:
    for key, use in uses.items():
        source = purls.get(_name(key))
        if source is None:
            continue
        for need in use.dependencies or {}:
            target = purls.get(need.lower())
            if target is not None and target != source:
                yield Relation(source, "depends-on", target)


CATALOGER = Cataloger(
    name="dotnet",
    version=1,
    types=("nuget", "generic"),
    paths=("**/*.deps.json",),
    read=read,
)
