"""CycloneDX: every version, in JSON and XML. Import from the modules: this page loads nothing.

Our own path, as the library for it drops data on a quarter of the official valid documents and
is quadratic. Both syntaxes share one shape, the JSON one: `xml` alone knows how it looks in XML.
"""
