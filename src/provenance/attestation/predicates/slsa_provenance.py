"""`SlsaProvenance`: how something was built, versions 0.2 and 1 in one view.

Source: slsa.dev/provenance/v0.2 and v1; the build types of GitHub Actions, GitLab, BuildKit and
slsa-github-generator. What two places of one document say must be the same, or it says nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import (
    array,
    moment,
    resources,
    table,
    text,
    text_table,
    value_at,
)
from provenance.attestation.predicates.git_uri import GitUri
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.attestation.resource import ResourceDescriptor
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

__all__ = ["GITHUB_BUILD_TYPE", "SlsaProvenance"]

GITHUB_BUILD_TYPE = "https://actions.github.io/buildtypes/workflow/v1"
"""A workflow of GitHub Actions, as GitHub's own attestations name it."""
_WORKFLOW_TYPES = (
    GITHUB_BUILD_TYPE,
    "https://github.com/actions/buildtypes/workflow/v1",
    "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
)
_GENERATOR = "https://github.com/slsa-framework/slsa-github-generator/"
_COMMIT_KEYS = ("gitCommit", "sha1", "sha256")
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)

# Field to its place in version 0.2 and in version 1.
_PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "builder": (("builder", "id"), ("runDetails", "builder", "id")),
    "type": (("buildType",), ("buildDefinition", "buildType")),
    "invocation": (("metadata", "buildInvocationId"), ("runDetails", "metadata", "invocationId")),
    "started": (("metadata", "buildStartedOn"), ("runDetails", "metadata", "startedOn")),
    "finished": (("metadata", "buildFinishedOn"), ("runDetails", "metadata", "finishedOn")),
    "parameters": (("invocation", "parameters"), ("buildDefinition", "externalParameters")),
    "environment": (("invocation", "environment"), ("buildDefinition", "internalParameters")),
    "materials": (("materials",), ("buildDefinition", "resolvedDependencies")),
}


class SlsaProvenance(TypedPredicate):
    """How something was built, as its builder says. Empty where it does not say."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = (
        "builder_id",
        "build_type",
        "source_uri",
        "ref",
        "branch",
        "commit",
        "entry_point",
        "invocation_id",
        "materials",
        "parameters",
        "environment",
        "started",
        "finished",
        "trigger",
        "workflow_inputs",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("builder_id", "build_type")

    @property
    def is_v1(self) -> bool:
        """Whether it has the form of version 1; else that of 0.2 is read."""
        return re.fullmatch(r".*/provenance/v1(\.\d+)*", self.predicate_type) is not None

    @property
    def builder_id(self) -> str:
        """Who built it: the platform, or the workflow that is trusted to build."""
        return text(self.raw, *self._place("builder"))

    @property
    def build_type(self) -> str:
        """How to read the parameters."""
        return text(self.raw, *self._place("type"))

    @property
    def source(self) -> GitUri:
        """The repository that was built, and its ref.

        Raises:
            MalformedDocument: two places of the document name different ones.
        """
        return _agreed(self._sources(), "source") or GitUri("")

    @property
    def source_uri(self) -> str:
        """URL of the repository that was built, without `git+` and ref."""
        return self.source.repository

    @property
    def ref(self) -> str:
        """What was built of it: `refs/heads/main`, `refs/tags/v1.2`."""
        ref = self.source.ref
        return "" if _COMMIT.fullmatch(ref) else ref

    @property
    def branch(self) -> str:
        """Name of the branch that was built; of a tag, the branch that the event names, if any.

        slsa-github-generator keeps the event: `base_ref` of a push, `target_commitish` of a
        release. They say where the tag came from, not what was built.
        """
        if self.ref.startswith("refs/heads/"):
            return self.ref.removeprefix("refs/heads/")
        if not self.ref.startswith("refs/tags/"):
            return ""
        payload = [
            (*self._place("environment"), key)
            for key in ("github_event_payload", "GITHUB_EVENT_PAYLOAD")
        ]
        found = [self.github("base_ref")]
        if self.trigger == "push":
            found += [text(self.raw, *place, "base_ref") for place in payload]
        if self.trigger == "release":
            found += [text(self.raw, *place, "release", "target_commitish") for place in payload]
        return _agreed((b.removeprefix("refs/heads/") for b in found if b), "branch") or ""

    @property
    def commit(self) -> str:
        """Hex id of the commit that was built.

        Raises:
            MalformedDocument: two places of the document name different ones.
        """
        found = [_commit(d.digest) for d in self._source_dependencies()]
        found.append(_commit(text_table(self.raw, *self._config(), "digest")))
        found.append(ref if _COMMIT.fullmatch(ref := self.source.ref) else "")
        return _agreed((c for c in found if c), "commit") or ""

    @property
    def entry_point(self) -> str:
        """Where the build begins: path of a workflow, name of a job, a Dockerfile."""
        if not self.is_v1:
            return text(self.raw, *self._config(), "entryPoint")
        parameters = self._place("parameters")
        if self.build_type in _WORKFLOW_TYPES:
            return text(self.raw, *parameters, "workflow", "path")
        named = text(self.raw, *parameters, "entryPoint")
        return named or text(self.raw, *self._config(), "path")

    @property
    def invocation_id(self) -> str:
        """The run: with GitHub its URL, with slsa-github-generator `RUN-ATTEMPT`."""
        found = [text(self.raw, *self._place("invocation"))]
        # GitLab's runner and in-toto's Go library spell it otherwise than the specification.
        *metadata, name = self._place("invocation")
        found.append(text(self.raw, *metadata, f"{name.removesuffix('Id')}ID"))
        return _agreed((value for value in found if value), "invocation") or ""

    @property
    def materials(self) -> tuple[ResourceDescriptor, ...]:
        """What went into it; `resolvedDependencies` of version 1."""
        return resources(self.raw, *self._place("materials"))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What whoever started the build could choose; `externalParameters` of version 1."""
        return table(self.raw, *self._place("parameters"))

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the builder set; `internalParameters` of version 1."""
        return table(self.raw, *self._place("environment"))

    @property
    def started(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, *self._place("started"))

    @property
    def finished(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, *self._place("finished"))

    @property
    def trigger(self) -> str:
        """The event that started a workflow: `push`, `workflow_dispatch`."""
        return self.github("event_name")

    @property
    def workflow_inputs(self) -> Mapping[str, Any]:
        """What a person typed to start a workflow (`workflow_dispatch`)."""
        if self.is_v1 and (given := table(self.raw, *self._place("parameters"), "inputs")):
            return given
        environment = self._place("environment")
        lower = table(self.raw, *environment, "github_event_payload", "inputs")
        return lower or table(self.raw, *environment, "GITHUB_EVENT_PAYLOAD", "inputs")

    def github(self, name: str) -> str:
        """A value of GitHub's context by its name there: `repository_id`, `run_id`, ...

        Raises:
            MalformedDocument: it is written in two places, which differ; or is no string.
        """
        environment = self._place("environment")
        found = [
            text(self.raw, *environment, f"github_{name}"),
            text(self.raw, *environment, f"GITHUB_{name.upper()}"),
        ]
        if self.is_v1:
            found.append(text(self.raw, *environment, "github", name))
            if name == "runner_environment":  # the build type puts it there, actions/toolkit here
                found.append(text(self.raw, *self._place("parameters"), name))
        return _agreed((value for value in found if value), name) or ""

    def _place(self, name: str) -> tuple[str, ...]:
        return _PLACES[name][self.is_v1]

    def _config(self) -> tuple[str, ...]:
        """Where the instructions came from: 0.2's `configSource`, which BuildKit kept."""
        if self.is_v1:
            return (*self._place("parameters"), "configSource")
        return ("invocation", "configSource")

    def _sources(self) -> Iterable[GitUri]:
        """Every place that names the source. Where the builder lists it first, that too."""
        yield from self._sources_asked_for()
        first_is_source = self.build_type in _WORKFLOW_TYPES or self.build_type.startswith(
            _GENERATOR
        )
        if first_is_source and (materials := array(self.raw, *self._place("materials"))):
            pointer = f"/{'/'.join(('predicate', *self._place('materials'), '0'))}"
            yield GitUri.parse(ResourceDescriptor.read(materials[0], pointer).uri)

    def _sources_asked_for(self) -> Iterable[GitUri]:
        if not self.is_v1:
            if uri := text(self.raw, *self._config(), "uri"):
                yield GitUri.parse(uri)
            return
        parameters = self._place("parameters")
        if value_at(self.raw, *parameters, "workflow") is not None:
            repository = text(self.raw, *parameters, "workflow", "repository")
            if repository:
                found = GitUri.parse(repository)
                if found.ref:
                    raise MalformedDocument(
                        "names a ref, which has its own field",
                        pointer="/predicate/buildDefinition/externalParameters/workflow/repository",
                    )
                yield GitUri(found.repository, text(self.raw, *parameters, "workflow", "ref"))
            if self.build_type in _WORKFLOW_TYPES:
                return  # the build type says that this is the source; other parameters are inputs
        source = value_at(self.raw, *parameters, "source")
        named = source if isinstance(source, str) else text(self.raw, *parameters, "source", "uri")
        ref = value_at(self.raw, *parameters, "ref")
        for uri in (named, text(self.raw, *self._config(), "uri")):
            if uri:
                found = GitUri.parse(uri)
                # GitLab's source names no ref: it stands beside it.
                beside = ref if isinstance(source, str) and isinstance(ref, str) else ""
                yield GitUri(found.repository, found.ref or beside)

    def _source_dependencies(self) -> Iterable[ResourceDescriptor]:
        """What went in that is the source. There can be a hundred thousand others: not read."""
        source = self.source
        if not source.repository:
            return
        place = self._place("materials")
        for index, dependency in enumerate(array(self.raw, *place)):
            uri = dependency.get("uri") if isinstance(dependency, dict) else None
            if not isinstance(uri, str):
                continue
            found = GitUri.parse(uri)
            if found.repository == source.repository and found.ref in ("", source.ref):
                pointer = f"/{'/'.join(('predicate', *place, str(index)))}"
                yield ResourceDescriptor.read(dependency, pointer)


def _commit(digest: Mapping[str, str]) -> str:
    """The commit of a digest set. GitLab files it under `sha256`, whatever its length."""
    found = {value for key in _COMMIT_KEYS if _COMMIT.fullmatch(value := digest.get(key, ""))}
    return _agreed(found, "commit") or ""


def _agreed(values: Iterable[Any], what: str) -> Any:
    """The one value that all are; None where there is none."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) > 1:
        named = ", ".join(str(value)[:200] for value in distinct[:3])
        raise MalformedDocument(
            f"the provenance names more than one {what}: {named}", pointer="/predicate"
        )
    return distinct[0] if distinct else None
