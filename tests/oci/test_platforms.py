"""Which image of an index is meant: the choice, its order and its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.errors import InvalidReference, NotFound
from provenance.oci import media_types as mt
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index
from provenance.oci.platforms import Platform, choose, platforms_of

# What containerd answers, asked by a program of its own; the file names its version.
FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "containerd_platforms.json").read_text("utf-8")
)
ROWS = [
    pytest.param(row["wanted"], FACTS[system]["there"], row["order"], id=row["wanted"])
    for system in ("linux", "windows")
    for row in FACTS[system]["rows"]
]


def literal(text: str) -> Platform:
    """A platform as an index may write it, without the names `parse` puts right."""
    system, architecture, *variant = text.split("/")
    system, _, options = system.partition("(")
    version, *features = options.rstrip(")").split("+")
    return Platform(system, architecture, "".join(variant), version, tuple(features))


def index_of(*platforms: Platform | None) -> Index:
    return Index.build(
        [
            Descriptor(mt.OCI_MANIFEST, Digest.of(b"%d" % number), 1, platform=platform)
            for number, platform in enumerate(platforms)
        ]
    )


def all_of(platforms: list[Platform], wanted: Platform) -> list[Platform]:
    """Everything that is chosen, each time without what was chosen before."""
    order = []
    left = list(platforms)
    while left:
        try:
            chosen = choose(index_of(*left), wanted).platform
        except NotFound:
            break
        assert chosen is not None
        order.append(chosen)
        left.remove(chosen)
    return order


@pytest.mark.parametrize(("wanted", "there", "order"), ROWS)
def test_what_containerd_takes_is_taken_in_its_order(
    wanted: str, there: list[str], order: list[str]
) -> None:
    platforms = [literal(text) for text in there]
    found = all_of(platforms, literal(wanted))
    assert found == [literal(text) for text in order]
    assert set(found) == {p for p in platforms if p.matches(literal(wanted))}


def test_a_variant_that_nobody_knows_is_found_under_its_own_name() -> None:
    odd = Platform("linux", "arm64", "odd")
    assert choose(index_of(Platform("linux", "arm64"), odd), odd).platform == odd


@pytest.mark.parametrize(
    ("wanted", "there", "names"),
    [
        pytest.param(
            "linux/s390x",
            (
                Platform("linux", "arm", "v7"),
                Platform("linux", "amd64"),
                Platform("linux", "amd64"),
            ),
            "linux/arm/v7, linux/amd64",
            id="each platform there is named once",
        ),
        pytest.param(
            "windows(10.0.17763)/amd64",
            (Platform("windows", "amd64", os_version="10.0.20348.1", os_features=("win32k",)),),
            r"windows\(10.0.20348.1\+win32k\)/amd64",
            id="versions and features of windows are named",
        ),
        pytest.param(
            "linux/amd64",
            (Platform("unknown", "unknown"),),
            "none that is named",
            id="attestations of BuildKit are no platform",
        ),
        pytest.param("linux/amd64", (), "none that is named", id="an empty index has none"),
        pytest.param(
            "linux/amd64",
            (None, None),
            "none that is named",
            id="of two images without platform none is guessed",
        ),
        pytest.param(
            "linux/amd64",
            (None, Platform("linux", "arm64")),
            "linux/arm64",
            id="an image without platform beside others is not guessed",
        ),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    wanted: str, there: tuple[Platform | None, ...], names: str
) -> None:
    index = index_of(*there)
    with pytest.raises(NotFound, match=f"choose one of: {names}$") as refused:
        choose(index, Platform.parse(wanted), where="ghcr.io/org/app")
    assert refused.value.digest == index.descriptor.digest
    assert refused.value.reference == "ghcr.io/org/app"
    assert f"no image for platform {wanted}" in str(refused.value)


def test_the_only_image_is_meant_where_it_names_no_platform() -> None:
    index = index_of(Platform("unknown", "unknown"), None)
    assert choose(index, Platform.parse("linux/amd64")) is index.manifests[1]
    assert platforms_of(index) == ()


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("Linux/X86_64", Platform("linux", "amd64")),
        ("linux/x86-64/V3", Platform("linux", "amd64", "v3")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/armhf", Platform("linux", "arm", "v7")),
        ("linux/armel", Platform("linux", "arm", "v6")),
        ("linux/i386", Platform("linux", "386")),
        ("macos/arm64", Platform("darwin", "arm64")),
        ("windows(10.0.17763)/amd64", Platform("windows", "amd64", "", "10.0.17763")),
        ("windows(+win32k)/amd64", Platform("windows", "amd64", "", "", ("win32k",))),
        ("windows(10.0.1+a+b)/arm64/v8", Platform("windows", "arm64", "v8", "10.0.1", ("a", "b"))),
    ],
)
def test_a_platform_is_read_by_any_of_its_names(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform
    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize(
    "text",
    [
        *("", "linux", "linux/", "/amd64", "linux/amd64/", "linux/arm/v7/x", "linux/a b"),
        *("windows()/amd64", "windows(10/amd64", "windows(+)/amd64", "linux/amd64\n", "linux/é"),
        *("windows(10.0)x/amd64", "linux/*", "linux/" + "a" * 65, "linux(" + "+a" * 33 + ")/amd64"),
    ],
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="is not a platform"):
        Platform.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_platform_that_round_trips_or_is_refused(text: str) -> None:
    try:
        found = Platform.parse(text)
    except InvalidReference:
        return
    assert Platform.parse(str(found)) == found


WORD = st.text(max_size=8) | st.sampled_from(
    ["", "linux", "windows", "amd64", "arm", "arm64", "v3", "v99", "v8.9", "v9.9", "10.0.20348"]
)


@given(st.builds(Platform, WORD, WORD, WORD, WORD), st.builds(Platform, WORD, WORD, WORD, WORD))
def test_normalising_twice_is_normalising_once(one: Platform, other: Platform) -> None:
    normal = one.normalized()
    assert normal.normalized() == normal
    assert one.matches(other) is normal.matches(other.normalized())


@given(st.builds(Platform, WORD, WORD, WORD))
def test_a_platform_runs_what_was_made_for_it(platform: Platform) -> None:
    assert platform.matches(platform)


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        *(("x86_64", "linux/amd64"), ("AMD64", "linux/amd64"), ("i686", "linux/386")),
        *(("aarch64", "linux/arm64"), ("armv7l", "linux/arm/v7"), ("armv6l", "linux/arm/v6")),
        *(("riscv64", "linux/riscv64"), ("", "linux/unknown")),
    ],
)
def test_the_machine_is_named_as_images_name_it(
    monkeypatch: pytest.MonkeyPatch, machine: str, platform: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert str(Platform.host()) == platform
