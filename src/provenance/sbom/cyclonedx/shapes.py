"""How the JSON shape of a document looks in XML: a table. Source: bom-1.0.xsd to bom-1.7.xsd.

The order of the children is the schema's, which is a sequence. One table serves all versions, as
a later version only adds. What is not in it is read in a plain way and so shows as a loss.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

__all__ = ["BOM", "DETAILED", "EXPRESSION", "TOOL", "TOOLS", "Child", "Kind", "Shape"]


class Kind(enum.Enum):
    """How a value lies in its element."""

    TEXT = "text"
    """Text of an element."""
    TRIMMED = "trimmed"
    """The same, where the schema takes blanks around it away."""
    NUMBER = "number"
    """The same, a number in JSON."""
    FLAG = "flag"
    """The same, true or false in JSON."""
    NUMBERS = "numbers"
    """An element around items that are numbers in JSON."""
    REFS = "refs"
    """An element around items of which only `ref` is said: texts in JSON."""
    OBJECT = "object"
    """An element of its own shape."""
    LIST = "list"
    """An element around items, each an element."""
    REPEATED = "repeated"
    """Items, each an element, with none around them."""
    LICENSES = "licenses"
    """`license`, `expression` and `expression-detailed` elements in one."""
    DEPENDENCIES = "dependencies"
    """Elements of the same name inside, of which only `ref` is said."""
    TOOLS = "tools"
    """A list of `tool` until 1.4, an object since 1.5."""
    ONE_OR_MORE = "one-or-more"
    """Repeated, where JSON has one object or a list of them."""


@dataclass(slots=True)
class Child:
    """One key of an object and the element it becomes."""

    key: str
    kind: Kind = Kind.TEXT
    shape: Shape | None = None
    """Of the object, or of each item; None: text."""
    item: str = ""
    """Element of an item."""
    element: str = ""
    """Element, where it is not called as the key."""

    def __post_init__(self) -> None:
        """An element is called as its key unless told otherwise."""
        self.element = self.element or self.key


@dataclass(slots=True)
class Shape:
    """An object: its attributes, then its children in order; or attributes and text."""

    attributes: tuple[tuple[str, str], ...] = ()
    """Key and attribute."""
    children: tuple[Child, ...] = ()
    text: str = ""
    """Key of its text, where it has no children."""
    is_trimmed: bool = False
    """Whether the schema takes blanks around the text away."""
    by_element: dict[str, Child] = field(default_factory=dict)
    by_attribute: dict[str, str] = field(default_factory=dict)
    is_pair: bool = False
    """One attribute, called as its key, and text: a property, a hash."""

    def grow(self, *children: Child) -> None:
        """Add `children`: a shape may hold itself."""
        self.children += children
        self._index()

    def _index(self) -> None:
        self.by_element = {}
        for child in self.children:
            element = child.item if child.kind is Kind.REPEATED else child.element
            self.by_element[element] = child
        self.is_pair = bool(self.text) and [a == b for a, b in self.attributes] == [True]
        self.by_attribute = {attribute: key for key, attribute in self.attributes}

    def __post_init__(self) -> None:
        """Make the look-up tables."""
        self._index()


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


def _texts(*keys: str) -> tuple[Child, ...]:
    return tuple(Child(key) for key in keys)


_BOM_REF = _same("bom-ref")
_HASH = Shape(_same("alg"), text="content", is_trimmed=True)
_HASHES = Child("hashes", Kind.LIST, _HASH, "hash")
_PROPERTY = Shape(_same("name"), text="value")
_PROPERTIES = Child("properties", Kind.LIST, _PROPERTY, "property")
_TEXT = Shape((("contentType", "content-type"), ("encoding", "encoding")), text="content")
_CONTACT = Shape(_BOM_REF, _texts("name", "email", "phone"))
_ADDRESS = Shape(
    _BOM_REF,
    _texts(
        *("country", "region", "locality", "postOfficeBoxNumber", "postalCode", "streetAddress")
    ),
)
_ORGANIZATION = Shape(
    _BOM_REF,
    (
        Child("name"),
        Child("address", Kind.OBJECT, _ADDRESS),
        Child("url", Kind.REPEATED, item="url"),
        Child("contact", Kind.REPEATED, _CONTACT, "contact"),
    ),
)
_REFERENCE = Shape(
    _same("type"), (Child("url", Kind.TRIMMED), Child("comment"), _HASHES, _PROPERTIES)
)
_REFERENCES = Child("externalReferences", Kind.LIST, _REFERENCE, "reference")
_PARTY = Shape(
    (),
    (
        Child("organization", Kind.OBJECT, _ORGANIZATION),
        Child("individual", Kind.OBJECT, _CONTACT),
    ),
)
_LICENSING = Child(
    "licensing",
    Kind.OBJECT,
    Shape(
        (),
        (
            Child("altIds", Kind.LIST, item="altId"),
            *(Child(key, Kind.OBJECT, _PARTY) for key in ("licensor", "licensee", "purchaser")),
            Child("purchaseOrder"),
            Child("licenseTypes", Kind.LIST, item="licenseType"),
            *_texts("lastRenewal", "expiration"),
        ),
    ),
)
_LICENSE_TEXT = (Child("text", Kind.OBJECT, _TEXT), Child("url"))
_LICENSE = Shape(
    _same("bom-ref", "acknowledgement"),
    (Child("id"), Child("name"), *_LICENSE_TEXT, _LICENSING, _PROPERTIES),
)
EXPRESSION = Shape(_same("bom-ref", "acknowledgement"), text="expression")
"""A licence expression that is nothing but this."""
DETAILED = Shape(
    _same("expression", "bom-ref", "acknowledgement"),
    (
        Child(
            "expressionDetails",
            Kind.REPEATED,
            Shape((("licenseIdentifier", "license-identifier"), *_BOM_REF), _LICENSE_TEXT),
            "details",
        ),
        _LICENSING,
        _PROPERTIES,
    ),
)
"""One of which more is said, since 1.7."""
_LICENSES = Child("licenses", Kind.LICENSES, _LICENSE)
TOOL = Shape((), (*_texts("vendor", "name", "version"), _HASHES, _REFERENCES))
"""A tool until 1.4."""
_SWID = Shape(
    _same("tagId", "name", "version", "tagVersion", "patch"),
    (Child("text", Kind.OBJECT, _TEXT), Child("url")),
)
_METHOD = Shape((), (Child("technique"), Child("confidence", Kind.NUMBER), Child("value")))
_IDENTITY = Shape(
    (),
    (
        *(Child("field"), Child("confidence", Kind.NUMBER), Child("concludedValue")),
        Child("methods", Kind.LIST, _METHOD, "method"),
    ),
)
_OCCURRENCE = Shape(
    _BOM_REF,
    (
        *(Child("location"), Child("line", Kind.NUMBER), Child("offset", Kind.NUMBER)),
        *_texts("symbol", "additionalContext"),
    ),
)
_COPYRIGHT = Shape((), text="text")
_EVIDENCE = Shape(
    (),
    (
        Child("identity", Kind.ONE_OR_MORE, _IDENTITY),
        Child("occurrences", Kind.LIST, _OCCURRENCE, "occurrence"),
        _LICENSES,
        Child("copyright", Kind.LIST, _COPYRIGHT, "text"),
    ),
)
_SOURCE = Child("source", Kind.OBJECT, Shape((), _texts("name", "url")))
_ISSUE = Shape(
    _same("type"),
    (*_texts("id", "name", "description"), _SOURCE, Child("references", Kind.LIST, item="url")),
)
_IDENTIFIED_ACTION = Shape((), _texts("timestamp", "name", "email"))
_COMMIT = Shape(
    (),
    (
        *_texts("uid", "url"),
        Child("author", Kind.OBJECT, _IDENTIFIED_ACTION),
        Child("committer", Kind.OBJECT, _IDENTIFIED_ACTION),
        Child("message"),
    ),
)
_DIFF = Shape((), (Child("text", Kind.OBJECT, _TEXT), Child("url")))
_PATCH = Shape(
    _same("type"),
    (Child("diff", Kind.OBJECT, _DIFF), Child("resolves", Kind.LIST, _ISSUE, "issue")),
)
_PEDIGREE = Shape()
_NOTE = Shape((), (Child("locale"), Child("text", Kind.OBJECT, _TEXT)))
_RELEASE_NOTES = Child(
    "releaseNotes",
    Kind.OBJECT,
    Shape(
        (),
        (
            *_texts("type", "title", "featuredImage", "socialImage", "description", "timestamp"),
            Child("aliases", Kind.LIST, item="alias"),
            Child("tags", Kind.LIST, item="tag"),
            Child("resolves", Kind.LIST, _ISSUE, "issue"),
            Child("notes", Kind.LIST, _NOTE, "note"),
            _PROPERTIES,
        ),
    ),
)
_COMPONENT = Shape(_same("type", "mime-type", "isExternal", "bom-ref"))
_COMPONENTS = Child("components", Kind.LIST, _COMPONENT, "component")
_COMPONENT.grow(
    Child("supplier", Kind.OBJECT, _ORGANIZATION),
    Child("manufacturer", Kind.OBJECT, _ORGANIZATION),
    Child("authors", Kind.LIST, _CONTACT, "author"),
    *_texts("author", "publisher", "group", "name", "version", "versionRange"),
    *_texts("description", "scope"),
    _HASHES,
    _LICENSES,
    *_texts("copyright", "cpe"),
    Child("purl", Kind.TRIMMED),
    Child("omniborId", Kind.REPEATED, item="omniborId"),
    Child("swhid", Kind.REPEATED, item="swhid"),
    Child("swid", Kind.OBJECT, _SWID),
    Child("modified", Kind.FLAG),
    Child("pedigree", Kind.OBJECT, _PEDIGREE),
    _REFERENCES,
    _PROPERTIES,
    _COMPONENTS,
    Child("evidence", Kind.OBJECT, _EVIDENCE),
    _RELEASE_NOTES,
    Child("tags", Kind.LIST, item="tag"),
)
_PEDIGREE.grow(
    *(
        Child(key, Kind.LIST, _COMPONENT, "component")
        for key in ("ancestors", "descendants", "variants")
    ),
    Child("commits", Kind.LIST, _COMMIT, "commit"),
    Child("patches", Kind.LIST, _PATCH, "patch"),
    Child("notes"),
)
_SERVICE = Shape(_BOM_REF)
_SERVICES = Child("services", Kind.LIST, _SERVICE, "service")
_SERVICE.grow(
    Child("provider", Kind.OBJECT, _ORGANIZATION),
    *_texts("group", "name", "version", "description"),
    Child("endpoints", Kind.LIST, item="endpoint"),
    Child("authenticated", Kind.FLAG),
    Child("x-trust-boundary", Kind.FLAG),
    Child("trustZone"),
    Child("data", Kind.LIST, Shape(_same("flow"), text="classification"), "classification"),
    _LICENSES,
    _REFERENCES,
    _PROPERTIES,
    _SERVICES,
    _RELEASE_NOTES,
    Child("tags", Kind.LIST, item="tag"),
)
TOOLS = Shape((), (_COMPONENTS, _SERVICES))
"""Tools since 1.5."""
_METADATA = Shape(
    (),
    (
        Child("timestamp", Kind.TRIMMED),
        Child(
            "lifecycles", Kind.LIST, Shape((), _texts("phase", "name", "description")), "lifecycle"
        ),
        Child("tools", Kind.TOOLS, TOOLS),
        Child("authors", Kind.LIST, _CONTACT, "author"),
        Child("component", Kind.OBJECT, _COMPONENT),
        Child("manufacturer", Kind.OBJECT, _ORGANIZATION),
        Child("manufacture", Kind.OBJECT, _ORGANIZATION),
        Child("supplier", Kind.OBJECT, _ORGANIZATION),
        _LICENSES,
        _PROPERTIES,
    ),
)
_DEPENDENCY = Shape(_same("ref"))
_COMPOSITION = Shape(
    _BOM_REF,
    (
        Child("aggregate"),
        Child("assemblies", Kind.REFS, item="assembly"),
        Child("dependencies", Kind.REFS, item="dependency"),
        Child("vulnerabilities", Kind.REFS, item="vulnerability"),
    ),
)
_RATING = Shape(
    (),
    (
        *(_SOURCE, Child("score", Kind.NUMBER)),
        *_texts("severity", "method", "vector", "justification"),
    ),
)
_PROOF = Shape(
    (),
    (
        *_texts("reproductionSteps", "environment"),
        Child("supportingMaterial", Kind.LIST, _TEXT, "attachment"),
    ),
)
_CREDITS = Shape(
    (),
    (
        Child("organizations", Kind.LIST, _ORGANIZATION, "organization"),
        Child("individuals", Kind.LIST, _CONTACT, "individual"),
    ),
)
_ANALYSIS = Shape(
    (),
    (
        *_texts("state", "justification"),
        Child("response", Kind.LIST, item="response", element="responses"),
        *_texts("detail", "firstIssued", "lastUpdated"),
    ),
)
_AFFECTED = Shape((), _texts("version", "range", "status"))
_TARGET = Shape((), (Child("ref"), Child("versions", Kind.LIST, _AFFECTED, "version")))
_VULNERABILITY = Shape(
    _BOM_REF,
    (
        *(Child("id"), _SOURCE),
        Child("references", Kind.LIST, Shape((), (Child("id"), _SOURCE)), "reference"),
        Child("ratings", Kind.LIST, _RATING, "rating"),
        Child("cwes", Kind.NUMBERS, item="cwe"),
        *_texts("description", "detail", "recommendation", "workaround"),
        Child("proofOfConcept", Kind.OBJECT, _PROOF),
        Child("advisories", Kind.LIST, Shape((), _texts("title", "url")), "advisory"),
        *_texts("created", "published", "updated", "rejected"),
        Child("credits", Kind.OBJECT, _CREDITS),
        Child("tools", Kind.TOOLS, TOOLS),
        Child("analysis", Kind.OBJECT, _ANALYSIS),
        Child("affects", Kind.LIST, _TARGET, "target"),
        _PROPERTIES,
    ),
)
_ANNOTATOR = Shape(
    (),
    (
        Child("organization", Kind.OBJECT, _ORGANIZATION),
        Child("individual", Kind.OBJECT, _CONTACT),
        Child("component", Kind.OBJECT, _COMPONENT),
        Child("service", Kind.OBJECT, _SERVICE),
    ),
)
_ANNOTATION = Shape(
    _BOM_REF,
    (
        Child("subjects", Kind.REFS, item="subject"),
        Child("annotator", Kind.OBJECT, _ANNOTATOR),
        *_texts("timestamp", "text"),
    ),
)
BOM = Shape(
    _same("serialNumber", "version"),
    (
        Child("metadata", Kind.OBJECT, _METADATA),
        *(_COMPONENTS, _SERVICES, _REFERENCES),
        Child("dependencies", Kind.DEPENDENCIES, _DEPENDENCY),
        Child("compositions", Kind.LIST, _COMPOSITION, "composition"),
        _PROPERTIES,
        Child("vulnerabilities", Kind.LIST, _VULNERABILITY, "vulnerability"),
        Child("annotations", Kind.LIST, _ANNOTATION, "annotation"),
    ),
)
"""The document."""
