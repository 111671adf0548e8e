"""Damaged documents give findings or a typed error: never another exception, never a hang."""

from __future__ import annotations

import contextlib
import os
import random
import time
import zipfile
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from tests.sbom.made_documents import BY_NAME
from tests.sbom.mutations import mutated

from provenance.errors import ProvenanceError
from provenance.sbom import read_sbom

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 2.0
MANY = int(os.environ.get("PROVENANCE_MUTATIONS", "10000"))


def outcome(raw: bytes) -> str:
    """How reading everything of a document ends. An exception that is none of ours is raised."""
    try:
        sbom = read_sbom(raw)
        assert sbom.to_bytes() == raw
        seen = (sbom.subject, sbom.packages, sbom.files, sbom.dependencies, sbom.uri, sbom.tools)
        assert len(seen) == 6
        assert repr(sbom)
        assert sbom.vulnerabilities is not None
        assert sbom.annotations is not None
        if sbom.findings:
            assert all(f.rule and f.message for f in sbom.findings)
            return "read with findings"
    except ProvenanceError as error:
        return type(error).__name__
    return "read"


def survey(documents: dict[str, list[bytes]], count: int) -> tuple[Counter[str], float]:
    """How often each outcome was met, and the longest that one took (of this thread's time)."""
    counts: Counter[str] = Counter()
    longest = 0.0
    forms = sorted(documents)
    for seed in range(count):
        chance = random.Random(seed)
        raw = mutated(chance.choice(documents[forms[seed % len(forms)]]), chance)
        started = time.thread_time()
        try:
            counts[outcome(raw)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}, {forms[seed % len(forms)]}")
            raise
        took = time.thread_time() - started
        assert took < SECONDS, f"seed {seed}, {forms[seed % len(forms)]}: {took:.1f} s"
        longest = max(longest, took)
    return counts, longest


def test_damaged_documents_of_every_format() -> None:
    counts, _ = survey({name: [raw] for name, raw in BY_NAME.items()}, 450)
    assert sum(counts.values()) == 450
    assert counts["read with findings"] > 50
    assert counts["MalformedDocument"] > 50


def test_damaged_documents_are_refused_by_strict_reading_with_an_error_of_ours() -> None:
    names = sorted(BY_NAME)
    for seed in range(150):
        chance = random.Random(seed)
        raw = mutated(BY_NAME[names[seed % len(names)]], chance)
        with contextlib.suppress(ProvenanceError):
            read_sbom(raw, strict=True)


@pytest.mark.corpus
@pytest.mark.timeout(3000)
def test_damaged_real_documents(corpus: Path) -> None:
    documents: defaultdict[str, list[bytes]] = defaultdict(list)
    documents |= {name: [BY_NAME[name]] for name in ("syft-json", "github-sbom")}
    raws = [
        path.read_bytes()
        for folder in ("examples", "model-examples", "tools-python")
        for path in sorted((corpus / "spdx" / folder).rglob("*"))
        if path.is_file() and "invalid_documents" not in path.parts
    ]
    for archive in sorted((corpus / "cyclonedx").glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            raws += [opened.read(n) for n in sorted(opened.namelist()) if n.startswith("valid-")]
    for raw in raws:
        documents[read_sbom(raw).format.value].append(raw)
    counts, longest = survey(documents, MANY)
    print(f"{MANY} mutations of {len(raws)} documents, {len(documents)} formats: {dict(counts)}")  # noqa: T201 - measured, and asked for by hand
    print(f"the longest took {longest:.2f} s")  # noqa: T201
    assert counts["read with findings"] > MANY // 20
