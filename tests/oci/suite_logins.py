"""What a client does at a registry's door: by Basic or tokens, with the right name and without."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.oci.suite_content import CONTENT, LARGE, LARGE_BLOB, push_artifact
from tests.oci.under_test import watch

from provenance.digests import Digest
from provenance.errors import NotFound, ProvenanceError, Unauthorized
from provenance.oci.descriptor import Descriptor
from provenance.oci.repository import read_blob

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oci.under_test import UnderTest

    from provenance.oci.registry import Registry
    from provenance.oci.registry_repository import RegistryRepository

__all__ = ["Logins", "Tokens"]


def _open(repository: RegistryRepository) -> None:
    with repository.open(CONTENT):
        pass


def _answer(
    action: Callable[[RegistryRepository], object], repository: RegistryRepository
) -> ProvenanceError | None:
    try:
        action(repository)
    except (NotFound, Unauthorized) as refused:
        return refused
    return None


OTHER = Descriptor.of(b"other content", "text/plain")
READING: dict[str, Callable[[RegistryRepository], object]] = {
    "resolving": lambda r: r.resolve("1"),
    "reading a manifest": lambda r: r.manifest("1"),
    "reading a blob": _open,
    "listing tags": lambda r: r.tags(),
    "listing referrers": lambda r: r.referrers(Digest.of(b"x")),
    "looking for a blob": lambda r: r.holds(CONTENT),
}
WRITING: dict[str, Callable[[RegistryRepository], object]] = {
    "pushing a blob": lambda r: r.push_blob(b"other content", OTHER),
    "pushing an artifact": push_artifact,
    "deleting": lambda r: r.delete("1"),
}
EACH_ACTION = pytest.mark.parametrize("name", [*READING, *WRITING])
THERE = pytest.mark.parametrize("there", [True, False], ids=["what is there", "what is not"])


class Logins:
    """`registry` has an account."""

    @EACH_ACTION
    @THERE
    def test_with_the_wrong_password_nothing_is_done(
        self, registry: UnderTest, name: str, *, there: bool
    ) -> None:
        assert registry.account is not None
        wrong = registry.session(account=(registry.account[0], "wrong"))
        self._is_refused(registry, wrong, name, there=there)

    @EACH_ACTION
    @THERE
    def test_without_an_account_nothing_is_done(
        self, registry: UnderTest, name: str, *, there: bool
    ) -> None:
        self._is_refused(registry, registry.anonymous(), name, there=there)

    def _is_refused(
        self, registry: UnderTest, session: Registry, name: str, *, there: bool
    ) -> None:
        """Unauthorized, never "not found": where all may read, what is not there is not found."""
        home = registry.new_name()
        if there:
            push_artifact(registry.open(home), subject=OTHER)
        repository = session.repository(registry.reference(home))
        action = {**READING, **WRITING}[name]
        answer = _answer(action, repository)
        if isinstance(answer, Unauthorized):
            assert "refused" in answer.message or "wants a login" in answer.message
            assert repository.name in str(answer)
            assert "wrong" not in str(answer), "the message shows no password"
        elif isinstance(answer, NotFound):
            assert registry.public
            assert not there
        else:
            assert registry.public
            assert name in READING
        # A refusal teaches nothing; that there is no such end point may be told before the door.
        assert repository.learnt.referrers_api in {None, registry.takes.referrers_api}
        if not there:
            assert not registry.open(home).holds(OTHER)

    def test_after_a_refusal_the_right_password_enters(self, registry: UnderTest) -> None:
        name = registry.new_name()
        with pytest.raises(Unauthorized):
            push_artifact(registry.anonymous().repository(registry.reference(name)))
        pushed = push_artifact(registry.open(name))
        assert registry.open(name).resolve("1").digest == pushed.digest


class Tokens(Logins):
    """`registry` gives tokens, which end."""

    def test_sixteen_threads_ask_for_one_token(self, registry: UnderTest) -> None:
        name = registry.new_name()
        pushed = push_artifact(registry.open(name))
        session = registry.session()
        asked = watch(session)
        with ThreadPoolExecutor(16) as pool:
            repository = session.repository(registry.reference(name))
            found = list(pool.map(lambda _: repository.resolve("1").digest, range(64)))
        assert set(found) == {pushed.digest}
        assert asked.kinds()["GET token"] == 1

    def test_each_repository_has_a_token_of_its_own(self, registry: UnderTest) -> None:
        names = [registry.new_name() for _ in range(3)]
        digests = [
            push_artifact(registry.open(name), annotations={"name": name}).digest for name in names
        ]
        session = registry.session()
        asked = watch(session)
        for _ in range(2):
            found = [session.repository(registry.reference(n)).resolve("1").digest for n in names]
            assert found == digests
        assert asked.kinds()["GET token"] == 3

    def test_a_token_that_ended_is_renewed(self, registry: UnderTest) -> None:
        registry.shorten()
        repository = registry.open()
        pushed = push_artifact(repository)
        asked = watch(repository.registry)
        registry.expire()
        assert repository.resolve("1").digest == pushed.digest
        assert read_blob(repository, CONTENT, limit=100) == b"content"
        assert len(repository.referrers(pushed.digest)) == 0
        assert repository.tags() == ("1",)
        assert asked.kinds()["GET token"] <= 2, "one to read, at most one more to write"

    def test_an_upload_after_the_token_ended_is_finished(self, registry: UnderTest) -> None:
        registry.shorten()
        repository = registry.open(upload_chunk=1 << 20)
        push_artifact(repository)
        moved: list[int] = []
        ended: list[bool] = []

        def progress(count: int) -> None:
            moved.append(count)
            if not ended and sum(moved) > 2 << 20:
                ended.append(True)
                registry.expire()

        repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB, progress=progress)
        assert ended
        assert sum(moved) == len(LARGE)
        assert read_blob(repository, LARGE_BLOB, limit=10 << 20) == LARGE

    def test_a_mount_is_allowed_by_a_token_for_both(self, registry: UnderTest) -> None:
        session = registry.session()
        source, target = (
            session.repository(registry.reference(registry.new_name())) for _ in range(2)
        )
        source.push_blob(LARGE, LARGE_BLOB)
        push_artifact(target)  # with a token for this one alone
        assert target.mount(LARGE_BLOB, source)
        assert target.holds(LARGE_BLOB)
