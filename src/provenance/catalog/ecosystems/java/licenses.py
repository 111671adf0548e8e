"""Licences of poms and manifests: their words, and the SPDX expressions of those that are certain.

Sources: POM reference (`licenses`), OSGi core 8 section 3.2.1.11 (Bundle-License), the Jenkins
plugin manifest. A URL is no expression; those of licence stewards name one version of one text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.packages.licenses import is_spdx, normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.catalog.ecosystems.java.pom import Pom

__all__ = ["licenses_of"]

_MOST = 20
# Host and path, without scheme, `www.`, suffix and closing slash, lower case. Not here, as they
# leave open "only" or "or later", or which of several texts: the GNU licences, "bsd-license.php".
_URLS = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "apache.org/licenses/license-1.1": "Apache-1.1",
    "opensource.org/licenses/apache-2.0": "Apache-2.0",
    "opensource.org/licenses/apache2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
    "opensource.org/licenses/mit-license": "MIT",
    "opensource.org/license/mit": "MIT",
    "opensource.org/licenses/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/license/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/licenses/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/license/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/licenses/isc": "ISC",
    "opensource.org/licenses/mpl-2.0": "MPL-2.0",
    "eclipse.org/legal/epl-v10": "EPL-1.0",
    "eclipse.org/org/documents/epl-v10": "EPL-1.0",
    "eclipse.org/legal/epl-2.0": "EPL-2.0",
    "eclipse.org/legal/epl-v20": "EPL-2.0",
    "eclipse.org/org/documents/epl-2.0": "EPL-2.0",
    "eclipse.org/org/documents/edl-v10": "BSD-3-Clause",
    "mozilla.org/mpl/2.0": "MPL-2.0",
    "mozilla.org/en-us/mpl/2.0": "MPL-2.0",
    "mozilla.org/mpl/mpl-1.1": "MPL-1.1",
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "repository.jboss.org/licenses/cc0-1.0": "CC0-1.0",
    "unlicense.org": "Unlicense",
    "gnu.org/software/classpath/license": "GPL-2.0-only WITH Classpath-exception-2.0",
}
_WORDS = {
    "apache 2": "Apache-2.0",
    "apache license": "",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "apache software license version 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "eclipse public license 1.0": "EPL-1.0",
    "eclipse public license - v 1.0": "EPL-1.0",
    "eclipse public license 2.0": "EPL-2.0",
    "eclipse public license v. 2.0": "EPL-2.0",
    "eclipse public license v2.0": "EPL-2.0",
    "eclipse distribution license v. 1.0": "BSD-3-Clause",
    "eclipse distribution license - v 1.0": "BSD-3-Clause",
    "epl 2.0": "EPL-2.0",
    "edl 1.0": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0": "MPL-2.0",
    "mozilla public license version 2.0": "MPL-2.0",
}
_SUFFIX = re.compile(r"\.(?:txt|html?|php)$")
# One clause of Bundle-License: a quoted or bare name, attributes after semicolons.
_CLAUSE = re.compile(r'\s*((?:"[^"]*"|[^",])+)')
_LINK = re.compile(r';\s*link\s*=\s*(?:"([^"]*)"|([^;"]*))')


def licenses_of(pom: Pom, attributes: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The licences, and the words of the source where they differ; the pom's before the manifest's.

    Args:
        pom: the pom of the artifact, maybe empty.
        attributes: main attributes of the manifest, names in lower case.
    """
    stated = [pair for pair in pom.licenses[:_MOST] if any(pair)]
    if not stated:
        stated = list(_manifest(attributes))[:_MOST]
    found: dict[str, None] = {}
    words: dict[str, None] = {}
    for name, url in stated:
        found[_expression(name, url) or name or url] = None
        words[name or url] = None
    licenses, said = tuple(found), tuple(words)
    return licenses, said if said != licenses else ()


def _expression(name: str, url: str) -> str:
    """The SPDX expression, or empty."""
    if name and len(name) <= 100 and is_spdx(name):
        return normalise(name)
    words = " ".join(name.replace(",", " ").split()).lower().removeprefix("the ")
    return _WORDS.get(words, "") or _by_url(url) or _by_url(name)


def _by_url(url: str) -> str:
    bare = url.strip().lower().removeprefix("https://").removeprefix("http://")
    bare = _SUFFIX.sub("", bare.removeprefix("www.").rstrip("/"))
    return _URLS.get(bare, "")


def _manifest(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and URL of each licence of the manifest."""
    for clause in _CLAUSE.findall(attributes.get("bundle-license", "")[:4096]):
        name = clause.partition(";")[0].strip().strip('"')
        link = _LINK.search(clause)
        if name and name != "<<EXTERNAL>>":
            yield name, (link[1] or link[2] or "").strip() if link else ""
    for number in range(1, _MOST):
        suffix = f"-{number}" if number > 1 else ""
        if name := attributes.get(f"plugin-license-name{suffix}", ""):
            yield name, attributes.get(f"plugin-license-url{suffix}", "")
