"""PKCS#11 URIs, by the examples of RFC 7512 section 3 and of cosign's documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidReference, UnsupportedFormat
from provenance.signing.keys.pkcs11_uri import TokenKey, parse_pkcs11_uri

READ = {
    # RFC 7512 section 3
    "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;"
    "model=1.0;object=my-certificate;type=private;id=%69%95%3E%5C%F4%BD%EC%91;serial="
    "?pin-source=file:/etc/token_pin": TokenKey(
        token="The Software PKCS#11 Softtoken",
        manufacturer="Snake Oil, Inc.",
        model="1.0",
        label="my-certificate",
        key_id=bytes.fromhex("69953E5CF4BDEC91"),
        pin_file="/etc/token_pin",
    ),
    "pkcs11:object=my-sign-key;type=private;token=t?module-path=/mnt/libmypkcs11.so.1": TokenKey(
        token="t", label="my-sign-key", module="/mnt/libmypkcs11.so.1"
    ),
    "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=x": TokenKey(
        token="A name with a substring %;", label="x"
    ),
    "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;object=x": TokenKey(
        token="Name with a small A with acute: á", label="x"
    ),
    "pkcs11:token=my-token;object=x;vendor-aaa=value-a": TokenKey(token="my-token", label="x"),
    # cosign's documentation: `cosign sign --key`
    "pkcs11:token=PIV_II;slot-id=0;id=%02;object=SIGN%20key"
    "?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-value=1234": TokenKey(
        token="PIV_II",
        slot=0,
        key_id=b"\x02",
        label="SIGN key",
        module="/usr/lib/softhsm/libsofthsm2.so",
        pin="1234",
    ),
    # A plus is a plus (it is a blank in queries of the web alone).
    "pkcs11:token=a+b;object=c+d?pin-value=1+2": TokenKey(token="a+b", label="c+d", pin="1+2"),
}

REFUSED = {
    "no key": "pkcs11:token=t",
    "no token": "pkcs11:object=o",
    "nothing": "pkcs11:",
    "a name twice": "pkcs11:token=t;token=u;object=o",
    "a name twice in the query": "pkcs11:token=t;object=o?pin-value=1&pin-value=2",
    "half an escape": "pkcs11:token=%4;object=o",
    "a blank": "pkcs11:token=a b;object=o",
    "no value": "pkcs11:token;object=o",
    "a slot that is no number": "pkcs11:slot-id=one;object=o",
    "a slot out of range": "pkcs11:slot-id=99999999999999999999;object=o",
    "a label that is no UTF-8": "pkcs11:token=%ff;object=o",
    "a NUL in the path of the module": "pkcs11:token=t;object=o?module-path=/a%00b",
    "much": "pkcs11:token=t;object=" + "o" * 5000,
}
UNREAD = {
    "a PIN from a program": "pkcs11:token=t;object=o?pin-source=%7Ccat%20pin",
    "a PIN from a program, plain": "pkcs11:token=t;object=o?pin-source=|cat",
    "a module by name": "pkcs11:token=t;object=o?module-name=softhsm2",
    "a certificate": "pkcs11:token=t;object=o;type=cert",
    "a library by its maker": "pkcs11:token=t;object=o;library-manufacturer=Snake%20Oil",
}


@pytest.mark.parametrize("text", READ)
def test_what_it_names(text: str) -> None:
    assert parse_pkcs11_uri(text) == READ[text]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_of_the_rfc_is_refused(name: str) -> None:
    with pytest.raises(InvalidReference):
        parse_pkcs11_uri(REFUSED[name])


@pytest.mark.parametrize("name", UNREAD)
def test_what_would_name_another_key_is_not_passed_over(name: str) -> None:
    with pytest.raises(UnsupportedFormat):
        parse_pkcs11_uri(UNREAD[name])


def test_a_pin_is_never_shown() -> None:
    found = parse_pkcs11_uri("pkcs11:token=t;object=o?pin-value=hunter2")
    assert "hunter2" not in f"{found} {found!r}"
    for text in ("pkcs11:token=t?pin-value=hunter2", "pkcs11:token=t;object=o?pin=value=hunter 2"):
        with pytest.raises(InvalidReference) as caught:
            parse_pkcs11_uri(text)
        assert "hunter" not in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    for uri in (f"pkcs11:{text}", f"pkcs11:token=t;object=o?{text}"):
        try:
            parse_pkcs11_uri(uri)
        except (InvalidReference, UnsupportedFormat):
            continue


@given(st.text(min_size=1).filter(lambda t: "\0" not in t), st.binary(min_size=1))
def test_whatever_is_escaped_comes_back(label: str, key_id: bytes) -> None:
    escaped = "".join(f"%{b:02x}" for b in label.encode("utf-8", "surrogatepass"))
    try:
        found = parse_pkcs11_uri(f"pkcs11:token={escaped};id=%{key_id.hex('%')}")
    except InvalidReference:
        assert any("\ud800" <= c <= "\udfff" for c in label) or len(escaped) > 4000
        return
    assert (found.token, found.key_id) == (label, key_id)
