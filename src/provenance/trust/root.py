"""`Trust`: a Sigstore trust root, and the signing configuration that goes with it.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; TUF for the public instances.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Self

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    UnsupportedFormat,
)
from provenance.settings import Limits, Settings
from provenance.strict_json import decode_object
from provenance.trust.material import TrustMaterial, read_material
from provenance.trust.updating import PUBLIC_GOOD, STAGING, refresh

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig, TrustedRoot

__all__ = ["Trust"]

_TRUST_ROOT = "application/vnd.dev.sigstore.trustedroot"
_CLIENT_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_SIGNING_CONFIG = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_SHIPPED_ON = dt.date(2026, 8, 21)
"""When the shipped copy of the public good root was published; see `_data/README.md`."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust root. Immutable; pickles as its JSON."""

    raw: bytes = field(repr=False)
    """The trust root as it was read."""
    signing_config: bytes | None = field(default=None, repr=False)
    """Where to sign; None: this trust only verifies."""
    source: str = "the caller"
    """Where it came from, for people."""

    @classmethod
    def from_json(
        cls, raw: bytes | str, *, signing_config: bytes | str | None = None, source: str = "bytes"
    ) -> Self:
        """A trust root in JSON, version 0.1, and a signing configuration, version 0.2.

        Raises:
            LimitExceeded: larger than `Limits.trust_bytes`.
            MalformedDocument: no trust root, or no signing configuration.
            UnsupportedFormat: a trust root of another version.
        """
        data = raw.encode() if isinstance(raw, str) else raw
        config = signing_config.encode() if isinstance(signing_config, str) else signing_config
        for document in (data, config or b""):
            _check_size(len(document), source)
        trust = cls(data, config, source)
        _load_root(data)
        if config is not None:
            decode_object(config)
        return trust

    @classmethod
    def from_file(cls, path: str | Path, *, signing_config: str | Path | None = None) -> Self:
        """A trust root in a file: what `--trusted-root` of the Sigstore tools takes. It has no age.

        Raises:
            NotFound: no such file. LimitExceeded: too large. MalformedDocument: no trust root.
        """
        config = None if signing_config is None else _read(Path(signing_config))
        return cls.from_json(_read(Path(path)), signing_config=config, source=str(path))

    @classmethod
    def public_good(cls, *, settings: Settings | None = None) -> Self:
        """Sigstore's public instance, its root refreshed by TUF.

        With `Settings.offline` the copy shipped with this library, as long as it is younger
        than `Settings.max_trust_age`.

        Raises:
            NotEvaluated: the root could not be refreshed, or the shipped copy is too old.
        """
        settings = settings or Settings.from_environment()
        if not settings.offline:
            return cls._from_tuf(PUBLIC_GOOD, _shipped("public_good_root.json"), settings)
        age = (dt.datetime.now(dt.UTC).date() - _SHIPPED_ON).days
        if age > settings.max_trust_age:
            raise NotEvaluated(
                f"the shipped copy of Sigstore's trust root is {age} days old",
                hint="go online once, or name a root file (trust=, --trusted-root)",
            )
        shipped = _shipped("public_good_trusted_root.json")
        return cls.from_json(shipped, source=f"shipped, of {_SHIPPED_ON}")

    @classmethod
    def staging(cls, *, settings: Settings | None = None) -> Self:
        """Sigstore's staging instance. Raises NotEvaluated offline: no copy is shipped."""
        settings = settings or Settings.from_environment()
        if settings.offline:
            raise NotEvaluated(
                "the trust root of Sigstore's staging instance is not shipped",
                hint="go online, or name a root file (trust=, --trusted-root)",
            )
        return cls._from_tuf(STAGING, _shipped("staging_root.json"), settings)

    @classmethod
    def from_tuf(cls, url: str, root: str | Path, *, settings: Settings | None = None) -> Self:
        """Any instance that publishes by TUF.

        Args:
            url: of the TUF repository.
            root: file with a TUF root of it, obtained by a trusted way.
            settings: where to cache; `offline` forbids this.

        Raises:
            NotEvaluated: it could not be refreshed, or offline is set.
        """
        settings = settings or Settings.from_environment()
        if settings.offline:
            raise NotEvaluated(
                f"the trust root of {url} is refreshed over the network, which offline forbids",
                hint="name a root file (trust=, --trusted-root)",
            )
        return cls._from_tuf(url, _read(Path(root)), settings)

    @classmethod
    def _from_tuf(cls, url: str, root: bytes, settings: Settings) -> Self:
        trusted_root, signing_config = refresh(url, root, settings)
        return cls.from_json(
            trusted_root, signing_config=signing_config, source=f"TUF repository {url}"
        )

    def with_signing_config(self, path: str | Path) -> Self:
        """The same trust, signing where the file says. Raises NotFound, MalformedDocument."""
        return self.from_json(self.raw, signing_config=_read(Path(path)), source=self.source)

    def to_json(self) -> bytes:
        """The trust root, as it was read."""
        return self.raw

    @property
    def has_logs(self) -> bool:
        """Whether it lists transparency logs: then a verified log entry is required."""
        return bool(decode_object(self.raw).get("tlogs"))

    @property
    def material(self) -> TrustMaterial:
        """Its keys and certificates, as values."""
        return read_material(self.raw)

    def trusted_root(self) -> TrustedRoot:
        """As the sigstore library's object."""
        return _load_root(self.raw)

    def client_config(self) -> ClientTrustConfig:
        """As the sigstore library's object. Raises MalformedDocument, NotEvaluated."""
        from sigstore.errors import Error

        if self.signing_config is None:
            raise NotEvaluated(
                f"the trust root of {self.source} says nothing of where to sign",
                hint="give a signing configuration (signing_config=, --signing-config)",
            )
        config = _client_config(self.raw, self.signing_config)
        try:
            _ = config.signing_config
        except (Error, ValueError) as error:
            raise MalformedDocument(
                f"the signing configuration cannot be used: {_in_a_line(error)}",
                hint="expected version 0.2, with a certificate authority and a log",
            ) from error
        return config

    def __repr__(self) -> str:
        return f"Trust({self.source!r})"


@functools.lru_cache(maxsize=16)
def _load_root(raw: bytes) -> TrustedRoot:
    """Parse once: keys and certificates are many. Read-only afterwards."""
    media_type = str(decode_object(raw).get("mediaType"))
    if media_type.startswith(_TRUST_ROOT) and media_type != f"{_TRUST_ROOT}+json;version=0.1":
        raise UnsupportedFormat(
            f"the trust root is of form {media_type[:100]!r}, which is not read yet",
            hint="convert it to version 0.1",
        )
    # The library reads a root from a file or a client configuration; this needs no file.
    config = _client_config(raw, b'{"mediaType":"%s"}' % _SIGNING_CONFIG.encode())
    from sigstore.errors import Error

    try:
        root = config.trusted_root
        root.get_fulcio_certs()
        root.get_timestamp_authorities()
    except (Error, ValueError, TypeError) as error:
        raise MalformedDocument(
            f"this is no Sigstore trust root: {_in_a_line(error)}",
            hint="expected mediaType application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        ) from error
    return root


def _client_config(root: bytes, signing_config: bytes) -> ClientTrustConfig:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    document = {
        "mediaType": _CLIENT_CONFIG,
        "trustedRoot": decode_object(root),
        "signingConfig": decode_object(signing_config),
    }
    try:
        return ClientTrustConfig.from_json(json.dumps(document))
    except (Error, ValueError, TypeError) as error:
        raise MalformedDocument(
            f"this is no Sigstore trust root or signing configuration: {_in_a_line(error)}",
            hint="expected what --trusted-root and --signing-config of the Sigstore tools take",
        ) from error


def _in_a_line(error: Exception) -> str:
    """What the library said, without its line breaks."""
    return " ".join(str(error).split())[:200]


def _shipped(name: str) -> bytes:
    return (resources.files("provenance") / "_data" / "sigstore" / name).read_bytes()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(Limits().trust_bytes + 1)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read ({error.strerror})", hint="check the path"
        ) from error
    _check_size(len(data), str(path))
    return data


def _check_size(size: int, source: str) -> None:
    limit = Limits().trust_bytes
    if size > limit:
        raise LimitExceeded(f"{source} has more than {limit} bytes", hint="this is no trust root")
