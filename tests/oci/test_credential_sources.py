from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from provenance.errors import MalformedDocument
from provenance.oci.credentials import find_credential

if TYPE_CHECKING:
    from pathlib import Path


def test_a_later_file_that_is_broken_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{ not JSON")
    inline = json.dumps({"auths": {"r.test": {"auth": "dTpw"}}})
    env = {"HOME": "/nowhere", "DOCKER_AUTH_CONFIG": inline, "DOCKER_CONFIG": str(tmp_path)}
    found = find_credential("r.test", environ=env)
    assert found is not None
    assert (found.username, found.password) == ("u", "p")
    with pytest.raises(MalformedDocument):
        find_credential("other.test", environ=env)


@pytest.mark.parametrize("auth", ["%%%", "dTpw!", "dQ==", "/w==", "dTp"])
def test_an_entry_that_is_no_name_and_password_is_told_without_it(auth: str) -> None:
    env = {"HOME": "/nowhere", "DOCKER_AUTH_CONFIG": json.dumps({"auths": {"r": {"auth": auth}}})}
    with pytest.raises(MalformedDocument) as refused:
        find_credential("r", environ=env)
    assert auth not in str(refused.value)
    assert "DOCKER_AUTH_CONFIG" in str(refused.value)
