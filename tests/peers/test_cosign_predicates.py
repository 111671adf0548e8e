"""What cosign makes of a file for each word of `--type`, and what we make of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation import read_predicate, read_statement
from provenance.attestation.predicate_types import COSIGN_TYPES
from provenance.attestation.predicates import predicate_of_file
from provenance.attestation.predicates.cosign import Custom

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

ANY = {"a": [1, None, {"ü": "x"}]}
V02 = {"builder": {"id": "b"}, "buildType": "t", "invocation": {}, "metadata": {}}
V1 = {
    "buildDefinition": {"buildType": "t", "externalParameters": {}},
    "runDetails": {"builder": {"id": "b"}},
}
LINK: dict[str, Any] = {
    "_type": "link",
    "name": "n",
    "byproducts": {},
    "command": [],
    "materials": {},
    "products": {},
    "environment": {},
}
VULN = {
    "invocation": {"parameters": None, "uri": "u", "event_id": "e", "builder.id": "b"},
    "scanner": {
        "uri": "u",
        "version": "1",
        "db": {"uri": "u", "version": "1"},
        "result": {"any": ["thing"]},
    },
    "metadata": {
        "scanStartedOn": "2021-08-06T17:45:50Z",
        "scanFinishedOn": "2021-08-06T17:50:50Z",
    },
}
FILES: dict[str, dict[str, Any]] = {
    "slsaprovenance": V02,
    "slsaprovenance02": V02,
    "slsaprovenance1": V1,
    "link": LINK,
    "vuln": VULN,
}


@pytest.mark.parametrize("word", [*COSIGN_TYPES, "https://example.com/review/v1"])
def test_cosign_makes_the_same_of_a_file(word: str, run: Run, tmp_path: Path) -> None:
    document = FILES.get(word, ANY)
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(document, ensure_ascii=False) + "\n", "utf-8")
    (tmp_path / "blob").write_bytes(b"a blob")
    run("cosign", "generate-key-pair", cwd=tmp_path)
    run(
        *("cosign", "attest-blob", "--key", "cosign.key", "--tlog-upload=false"),
        *("--use-signing-config=false", "--predicate", str(predicate), "--type", word),
        *("--bundle", "bundle.json", "blob"),
        cwd=tmp_path,
    )
    theirs = read_statement(tmp_path / "bundle.json")
    predicate_type, body = predicate_of_file(word, predicate.read_bytes())
    assert theirs.predicate_type == predicate_type
    assert theirs.type == "https://in-toto.io/Statement/v0.1"
    ours = json.loads(body)
    if isinstance(found := read_predicate(theirs), Custom):
        assert found.data == ours["Data"]
        assert found.timestamp is not None
        assert ours.keys() == theirs.predicate.keys()
    else:
        assert theirs.predicate == ours
