"""What a client lists, moves and removes in any registry: tags and referrers; writers at once."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from tests.oci.suite_content import CONTENT, push_artifact
from tests.oci.under_test import watch

from provenance.errors import NotFound
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag

if TYPE_CHECKING:
    from tests.oci.under_test import UnderTest

    from provenance.oci.registry_repository import RegistryRepository

__all__ = ["Listing"]

# What another program does that attaches three artifacts at the same time.
WRITER = """
import json, sys
from pathlib import Path
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.manifest import Manifest
from provenance.oci.registry import Registry
from provenance.settings import Settings

told = json.loads(sys.argv[1])
settings = Settings(
    ca_bundle=Path(told["ca"]) if told["ca"] else None, encrypted=tuple(told["encrypted"])
)
credentials = {told["host"]: tuple(told["account"])} if told["account"] else {}
with Registry(credentials=credentials, settings=settings) as registry:
    repository = registry.repository(told["repository"])
    subject = repository.resolve("1")
    for number in range(3):
        notes = {"writer": told["writer"], "number": str(number)}
        made = Manifest.build(
            EMPTY_DESCRIPTOR, [EMPTY_DESCRIPTOR], subject=subject, annotations=notes
        )
        print(repository.push_manifest(made).digest, flush=True)
"""


class Tags:
    """Listed, moved, removed."""

    def test_every_page_of_tags_is_read(self, registry: UnderTest) -> None:
        repository = registry.open()
        pushed = push_artifact(repository, "v0")
        for number in range(1, 8):
            repository.tag(pushed, f"v{number}")
        asked = watch(repository.registry, page=3)
        assert sorted(repository.tags()) == [f"v{number}" for number in range(8)]
        if registry.takes.pages:
            assert asked.kinds()["GET tags"] >= 3
        assert len(registry.again(repository).tags()) == 8

    def test_a_tag_moves_to_another_digest(self, registry: UnderTest) -> None:
        repository = registry.open()
        old = push_artifact(repository, "1")
        new = push_artifact(repository, "2", annotations={"version": "2"})
        repository.tag(new, "1")
        repository.tag(old, "old")
        assert repository.resolve("1").digest == new.digest
        assert repository.resolve("old").digest == old.digest
        assert sorted(repository.tags()) == ["1", "2", "old"]

    def test_a_tag_goes_alone(self, registry: UnderTest) -> None:
        repository = registry.open()
        pushed = push_artifact(repository, "1")
        repository.tag(pushed, "2")
        repository.delete("1")
        with pytest.raises(NotFound):
            repository.resolve("1")
        assert repository.tags() == ("2",)
        assert repository.resolve("2").digest == pushed.digest
        with pytest.raises(NotFound):
            repository.delete("1")

    def test_a_manifest_goes_with_its_tags(self, registry: UnderTest) -> None:
        repository = registry.open()
        gone = push_artifact(repository, "1")
        kept = push_artifact(repository, "2", annotations={"version": "2"})
        repository.delete(gone.digest)
        for target in ("1", gone.digest):
            with pytest.raises(NotFound):
                repository.resolve(target)
        assert repository.tags() == ("2",)
        assert repository.resolve("2").digest == kept.digest
        with pytest.raises(NotFound):
            repository.delete(gone.digest)


class ReferrersOf:
    """Written, listed by type, removed; by whichever scheme the registry has."""

    def test_twenty_five_are_listed_by_type(self, registry: UnderTest) -> None:
        repository = registry.open()
        subject = push_artifact(repository)
        assert len(registry.listed(subject.digest, repository)) == 0
        kinds = {kind: f"application/vnd.example.{kind}" for kind in ("signature", "sbom")}
        made: dict[str, set[str]] = {kind: set() for kind in kinds}
        for number in range(25):
            kind = "signature" if number % 5 == 0 else "sbom"
            notes = {"number": str(number)}
            pushed = push_artifact(
                *(repository, None),
                subject=subject,
                artifact_type=kinds[kind],
                annotations=notes,
            )
            made[kind].add(pushed.digest)
        again = registry.again(repository)
        found = registry.listed(subject.digest, again)
        assert found.scheme == ("api" if registry.takes.referrers_api else "fallback-tag")
        assert {d.digest for d in found} == made["signature"] | made["sbom"]
        assert len(found) == 25
        for kind, artifact_type in kinds.items():
            listed = registry.listed(subject.digest, again, artifact_type=artifact_type)
            assert {d.digest for d in listed} == made[kind]
            assert {d.artifact_type for d in listed} == {artifact_type}
        assert {d.annotations["number"] for d in found} == {str(n) for n in range(25)}
        lists_itself = registry.takes.referrers_api
        with pytest.raises(NotFound) if lists_itself else nullcontext():
            again.resolve(digest_tag(subject.digest))

    def test_an_index_has_referrers_and_they_have_some(self, registry: UnderTest) -> None:
        repository = registry.open()
        child = push_artifact(repository, None)
        subject = repository.push_manifest(Index.build([child]), tag="1")
        first = push_artifact(repository, None, subject=subject, artifact_type="text/first")
        second = repository.push_manifest(
            Index.build([child], subject=first, artifact_type="text/second")
        )
        again = registry.again(repository)
        assert [d.digest for d in registry.listed(subject.digest, again)] == [first.digest]
        (listed,) = registry.listed(first.digest, again)
        assert (listed.digest, listed.artifact_type) == (second.digest, "text/second")
        assert len(registry.listed(child.digest, again)) == 0

    def test_a_referrer_may_come_before_its_subject(self, registry: UnderTest) -> None:
        repository = registry.open()
        later = Manifest.build(EMPTY_DESCRIPTOR, [CONTENT], annotations={"later": "yes"})
        first = push_artifact(repository, None, subject=later.descriptor)
        subject = later.descriptor.digest
        assert [d.digest for d in registry.listed(subject, repository)] == [first.digest]
        repository.push_manifest(later, tag="1")
        again = registry.again(repository)
        assert [d.digest for d in again.referrers(again.resolve("1").digest)] == [first.digest]

    def test_the_same_one_twice_is_listed_once(self, registry: UnderTest) -> None:
        repository = registry.open()
        subject = push_artifact(repository)
        for _ in range(2):
            push_artifact(registry.again(repository), None, subject=subject)
        assert len(registry.listed(subject.digest, repository)) == 1

    def test_one_that_was_deleted_is_not_listed(self, registry: UnderTest) -> None:
        repository = registry.open()
        subject = push_artifact(repository)
        kept = push_artifact(repository, None, subject=subject, artifact_type="text/a")
        gone = push_artifact(repository, None, subject=subject, artifact_type="text/b")
        registry.again(repository).delete(gone.digest)
        again = registry.again(repository)
        assert [d.digest for d in registry.listed(subject.digest, again)] == [kept.digest]
        again.delete(kept.digest)
        assert len(registry.listed(subject.digest, registry.again(repository))) == 0


class WritersAtOnce:
    """Nothing that was acknowledged is lost, though registries ignore If-Match."""

    @pytest.mark.parametrize("sessions", [1, 8], ids=["one session", "a session each"])
    def test_eight_threads_with_three_artifacts_each(
        self, registry: UnderTest, sessions: int
    ) -> None:
        name = registry.open().reference.repository
        subject = push_artifact(registry.open(name))
        shared = registry.open(name)
        homes = [shared if sessions == 1 else registry.open(name) for _ in range(8)]

        def write(writer: int) -> list[str]:
            return [
                push_artifact(
                    *(homes[writer], None),
                    subject=subject,
                    annotations={"writer": str(writer), "number": str(number)},
                ).digest
                for number in range(3)
            ]

        with ThreadPoolExecutor(8) as pool:
            written = [digest for some in pool.map(write, range(8)) for digest in some]
        listed = [d.digest for d in registry.listed(subject.digest, registry.open(name))]
        assert len(set(written)) == 24
        if sessions == 1 or registry.takes.writers_at_once:
            assert sorted(listed) == sorted(written)
        else:
            assert set(listed) <= set(written)

    def test_two_processes_with_three_artifacts_each(self, registry: UnderTest) -> None:
        repository = registry.open()
        subject = push_artifact(repository)
        writers = [_start_writer(registry, repository, str(number)) for number in range(2)]
        outputs = [writer.communicate(timeout=120) for writer in writers]
        for writer, (_, errors) in zip(writers, outputs, strict=True):
            assert writer.returncode == 0, errors
        written = [line for out, _ in outputs for line in out.split()]
        again = registry.again(repository)
        listed = [d.digest for d in registry.listed(subject.digest, again)]
        assert len(set(written)) == 6
        if registry.takes.writers_at_once:
            assert sorted(listed) == sorted(written)
        else:
            assert set(listed) <= set(written)


class Listing(Tags, ReferrersOf, WritersAtOnce):
    """All of them."""


def _start_writer(
    registry: UnderTest, repository: RegistryRepository, writer: str
) -> subprocess.Popen[str]:
    told = {
        "host": registry.host,
        "repository": repository.name,
        "account": registry.account,
        "ca": str(registry.settings.ca_bundle or ""),
        "encrypted": registry.settings.encrypted,
        "writer": writer,
    }
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, json.dumps(told)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
