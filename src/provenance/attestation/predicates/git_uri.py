"""Addresses of source repositories, as provenance and certificates write them, to one form.

Source: SPDX 2.3, section 7.7 (`git+https://HOST/PATH@REF`); BuildKit (`https://….git#REF:DIR`).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GitUri"]

_HOSTS_WITHOUT_SUFFIX = ("https://github.com/", "https://gitlab.com/")


@dataclass(frozen=True, slots=True)
class GitUri:
    """A repository and, where the address has one, the ref."""

    repository: str
    """Its URL without `git+` and ref. No other letter is changed: no case, no final slash."""
    ref: str = ""

    @classmethod
    def parse(cls, text: str) -> GitUri:
        """Take an address apart. A text that is no address is its own repository.

        >>> GitUri.parse("git+https://github.com/org/app@refs/heads/main")
        GitUri(repository='https://github.com/org/app', ref='refs/heads/main')
        """
        address = text.removeprefix("git+")
        scheme, found, rest = address.partition("://")
        if not found:
            return cls(text)
        host, slash, path = rest.partition("/")
        if "#" in path:
            path, _, fragment = path.partition("#")
            ref = fragment.partition(":")[0]
        else:
            path, _, ref = path.partition("@")
        repository = f"{scheme}://{host}{slash}{path}"
        if repository.startswith(_HOSTS_WITHOUT_SUFFIX):
            repository = repository.removesuffix(".git")
        return cls(repository, ref)

    @classmethod
    def expected(cls, text: str) -> GitUri:
        """What a caller asks for: as `parse`, and `github.com/org/app` is an https URL.

        Raises:
            ValueError: empty, or it names a ref: that is asked for by itself.
        """
        found = cls.parse(text if "://" in text else f"https://{text}")
        if not text or found.ref:
            raise ValueError(
                f"{text!r} is no repository: write https://HOST/PATH, and the ref as ref="
            )
        return found

    def __str__(self) -> str:
        return f"{self.repository}@{self.ref}" if self.ref else self.repository
