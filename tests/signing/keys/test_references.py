"""The grammar of key references, by the examples of cosign and of the services themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidReference, UnsupportedFormat
from provenance.signing.keys import parse_key_reference
from provenance.signing.keys.pkcs11_uri import TokenKey
from provenance.signing.keys.references import (
    AwsKey,
    AzureKey,
    EnvironmentKey,
    FileKey,
    GitLabKey,
    GoogleKey,
    KeyReference,
    KubernetesKey,
    UrlKey,
    VaultKey,
)

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:us-east-2:111122223333:key/{ID}"
ALIAS_ARN = "arn:aws:kms:us-east-2:111122223333:alias/ExampleAlias"
KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
VAULT = "my.vault.azure.net"

READ: dict[str, KeyReference] = {
    # The eight examples of sigstore's pkg/signature/kms/aws/client.go.
    f"awskms:///{ID}": AwsKey("", ID),
    f"awskms://localhost:4566/{ID}": AwsKey("localhost:4566", ID),
    f"awskms:///{ARN}": AwsKey("", ARN, "us-east-2"),
    f"awskms://localhost:4566/{ARN}": AwsKey("localhost:4566", ARN, "us-east-2"),
    "awskms:///alias/ExampleAlias": AwsKey("", "alias/ExampleAlias"),
    "awskms://localhost:4566/alias/ExampleAlias": AwsKey("localhost:4566", "alias/ExampleAlias"),
    f"awskms:///{ALIAS_ARN}": AwsKey("", ALIAS_ARN, "us-east-2"),
    f"awskms://localhost:4566/{ALIAS_ARN}": AwsKey("localhost:4566", ALIAS_ARN, "us-east-2"),
    "awskms:///mrk-1234abcd12ab34cd56ef1234567890ab": AwsKey(
        "", "mrk-1234abcd12ab34cd56ef1234567890ab"
    ),
    f"awskms:///{ARN.replace('aws:', 'aws-cn:')}": AwsKey(
        "", ARN.replace("aws:", "aws-cn:"), "us-east-2"
    ),
    f"gcpkms://{KEY}": GoogleKey(KEY),
    f"gcpkms://{KEY}/versions/3": GoogleKey(KEY, "3"),
    f"gcpkms://{KEY}/cryptoKeyVersions/3": GoogleKey(KEY, "3"),
    f"azurekms://{VAULT}/key": AzureKey(VAULT, "key"),
    f"azurekms://{VAULT}/key/": AzureKey(VAULT, "key"),
    f"azurekms://{VAULT}/key/0f1e": AzureKey(VAULT, "key", "0f1e"),
    f"azurekms://{VAULT}/keys/key/0f1e": AzureKey(VAULT, "key", "0f1e"),
    "hashivault://key-1.2_3": VaultKey("hashivault", "key-1.2_3"),
    "openbao://key": VaultKey("openbao", "key"),
    "k8s://ns/name": KubernetesKey("ns", "name"),
    "gitlab://1234": GitLabKey("1234"),
    "gitlab://group/sub/project": GitLabKey("group/sub/project"),
    "env://COSIGN_KEY": EnvironmentKey("COSIGN_KEY"),
    "https://example.com/cosign.pub": UrlKey("https://example.com/cosign.pub"),
    "cosign.key": FileKey(Path("cosign.key")),
    "/keys/a:b": FileKey(Path("/keys/a:b")),
    "pkcs11:token=t;object=k?module-path=/m.so": TokenKey(token="t", label="k", module="/m.so"),
}

REFUSED = (
    "",
    "a\0b",
    "awskms://alias/ExampleAlias",  # two slashes: cosign refuses it too
    "awskms:///",
    "awskms:///key",
    f"awskms:///{ID}/more",
    "awskms://host name/alias/a",
    "awskms:///arn:aws:s3:::bucket",
    "gcpkms://projects/p",
    f"gcpkms://{KEY}/versions/latest",
    f"gcpkms://{KEY}/versions/1/more",
    "azurekms://vault.azure.net",
    "azurekms://vault.azure.net/a/b/c/d",
    "azurekms:///key",
    "hashivault://",
    "hashivault://a/b",
    "hashivault://../sys",
    "hashivault://a?b",
    "k8s://name",
    "k8s://ns/../name",
    "k8s://ns/name/more",
    "gitlab://",
    "gitlab://a/../b",
    "env://",
    "env://A B",
    "file:///cosign.key",
    "s3://bucket/key",
    f"hashivault://{'a' * 5000}",
)


@pytest.mark.parametrize("text", READ)
def test_what_it_names(text: str) -> None:
    assert parse_key_reference(text) == READ[text]


@pytest.mark.parametrize("text", READ)
def test_what_is_shown_names_the_same_key(text: str) -> None:
    found = parse_key_reference(text)
    if not isinstance(found, TokenKey):  # its module is no part of its name
        assert parse_key_reference(str(found)) == found


@pytest.mark.parametrize("text", REFUSED, ids=[text[:60].replace("\0", "NUL") for text in REFUSED])
def test_what_is_of_no_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_key_reference(text)
    assert caught.value.hint or "characters" in caught.value.message


def test_a_path_is_a_file_whatever_it_is_called() -> None:
    assert parse_key_reference(Path("awskms:/x")) == FileKey(Path("awskms:/x"))


def test_what_github_keeps_is_not_given_back() -> None:
    with pytest.raises(UnsupportedFormat, match="env://"):
        parse_key_reference("github://org/app")


@given(st.text(max_size=80), st.sampled_from(["", *{t.partition(":")[0] + "://" for t in READ}]))
def test_no_text_breaks_it(text: str, scheme: str) -> None:
    try:
        found = parse_key_reference(scheme + text)
    except (InvalidReference, UnsupportedFormat):
        return
    assert str(found)
