"""What the rules ask: of a document and of each package in it, whatever the format.

Texts are as stated: `NOASSERTION` and the like are kept, for `answers.told` to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Facts", "Part"]


@dataclass(slots=True)
class Part:
    """A package, or what the document describes."""

    pointer: str
    """Where it stands: a JSON pointer."""
    name: str = ""
    version: str = ""
    is_primary: bool = False
    """Whether it is what the document describes."""
    suppliers: tuple[str, ...] = ()
    """Who supplies it."""
    producers: tuple[str, ...] = ()
    """Who made it."""
    contacts: tuple[str, ...] = ()
    """Mail addresses and URLs of who made it."""
    identifiers: tuple[str, ...] = ()
    """purl, CPE, SWID, SWHID, OmniBOR and the like."""
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm in lower case without hyphen, and value."""
    artifact_hashes: tuple[tuple[str, str], ...] = ()
    """The same, of the file that is delivered."""
    licenses: tuple[str, ...] = ()
    """All that are stated."""
    concluded: tuple[str, ...] = ()
    """Those stated as concluded."""
    declared: tuple[str, ...] = ()
    """Those stated as declared."""
    is_related: bool = False
    """Whether a relationship to another part is stated, or that it needs none."""
    has_edges: bool = False
    """Whether what it needs or contains is enumerated, be it nothing."""
    completeness: str = ""
    """What is stated of how complete that enumeration is."""
    filename: str = ""
    executable: str = ""
    archive: str = ""
    structured: str = ""
    source_uri: str = ""
    artifact_uri: str = ""


@dataclass(slots=True)
class Facts:
    """A document."""

    family: str
    """`cyclonedx`, `spdx`, or another word for what is neither."""
    version: str = ""
    syntax: str = "json"
    uri: str = ""
    created: str = ""
    authors: tuple[str, ...] = ()
    """People and organisations that made the document."""
    contacts: tuple[str, ...] = ()
    """Their mail addresses and URLs."""
    tools: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    """When in the life of the software the document was made."""
    remarks: tuple[str, ...] = ()
    """Words in which a person may find that, and nobody else."""
    can_state_context: bool = True
    """Whether the format has a place for it."""
    has_vulnerabilities: bool = False
    parts: list[Part] = field(default_factory=list)
