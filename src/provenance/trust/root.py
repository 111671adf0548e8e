"""`Trust`: a Sigstore trust root, and the signing configuration that goes with it.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; TUF for the public instances.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.settings import Limits, Settings
from provenance.strict_json import decode_object
from provenance.trust import instances
from provenance.trust.material import TrustMaterial, read_material
from provenance.trust.parts import TrustPart, assemble
from provenance.trust.spelling import FORMS, spelled_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sigstore.models import ClientTrustConfig, TrustedRoot

__all__ = ["Trust"]

_TRUST_ROOT = "application/vnd.dev.sigstore.trustedroot"
_CLIENT_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_SIGNING_CONFIG = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust root. Immutable; pickles as its JSON."""

    raw: bytes = field(repr=False)
    """The trust root as it was read."""
    signing_config: bytes | None = field(default=None, repr=False)
    """Where to sign; None: this trust only verifies."""
    source: str = "the caller"
    """Where it came from, for people."""
    fetched: dt.datetime | None = field(default=None, repr=False, compare=False)
    """When TUF last vouched for it, or when the shipped copy was published; None: a root that the
    caller named, which has no age."""

    @classmethod
    def from_json(
        cls, raw: bytes | str, *, signing_config: bytes | str | None = None, source: str = "bytes"
    ) -> Self:
        """A trust root in JSON, version 0.1 or 0.2, and a signing configuration, version 0.2.

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
        with ProvenanceError.located_at(path):
            trust = cls.from_json(_read(Path(path)), source=str(path))
        if signing_config is None:
            return trust
        with ProvenanceError.located_at(signing_config):
            config = _read(Path(signing_config))
            return cls.from_json(trust.raw, signing_config=config, source=str(path))

    @classmethod
    def from_parts(
        cls,
        *,
        certificate_authorities: Iterable[TrustPart] = (),
        logs: Iterable[TrustPart] = (),
        certificate_logs: Iterable[TrustPart] = (),
        timestamp_authorities: Iterable[TrustPart] = (),
        signing_config: str | Path | None = None,
    ) -> Self:
        """A private deployment's trust root, out of its PEM files. It has no age.

        Args:
            certificate_authorities: chains that certify (Fulcio); none: keys alone sign.
            logs: keys of transparency logs (Rekor); none: bundles without an entry count.
            certificate_logs: keys of the logs whose promises are in certificates.
            timestamp_authorities: chains that sign timestamps.
            signing_config: file that says where to sign, version 0.2.

        Raises:
            NotFound: a file cannot be read.
            MalformedDocument: no part at all, no PEM of its kind, or a chain out of order.
            UnsupportedFormat: a log's key of an algorithm that logs do not sign with.
        """
        raw = assemble(
            certificate_authorities=certificate_authorities,
            logs=logs,
            certificate_logs=certificate_logs,
            timestamp_authorities=timestamp_authorities,
        )
        config = None if signing_config is None else _read(Path(signing_config))
        return cls.from_json(raw, signing_config=config, source="its parts")

    @classmethod
    def public_good(cls, *, settings: Settings | None = None, renew: bool = False) -> Self:
        """Sigstore's public instance, its root refreshed by TUF at most once a day.

        With `Settings.offline` what was last refreshed or the copy shipped with this library,
        whichever is newer, as long as it is younger than `Settings.max_trust_age`.

        Args:
            settings: how to fetch and where to cache.
            renew: ask also if it was asked less than a day ago.

        Raises:
            NotEvaluated: the root could not be refreshed, or what is at hand is too old.
        """
        settings = settings or Settings.from_environment()
        return cls._found(instances.public_good(settings, renew=renew))

    @classmethod
    def staging(cls, *, settings: Settings | None = None, renew: bool = False) -> Self:
        """Sigstore's staging instance, as `from_tuf`; its TUF root is shipped."""
        settings = settings or Settings.from_environment()
        return cls._found(instances.staging(settings, renew=renew))

    @classmethod
    def from_tuf(
        cls, url: str, root: str | Path, *, settings: Settings | None = None, renew: bool = False
    ) -> Self:
        """Any instance that publishes by TUF, refreshed at most once a day.

        With `Settings.offline` what was last refreshed, as long as it is younger than
        `Settings.max_trust_age`.

        Args:
            url: of the TUF repository.
            root: file with a TUF root of it, obtained by a trusted way.
            settings: how to fetch and where to cache.
            renew: ask also if it was asked less than a day ago.

        Raises:
            NotFound: no such file. MalformedDocument: no TUF root.
            NotEvaluated: it could not be refreshed, or offline nothing young enough is at hand.
        """
        settings = settings or Settings.from_environment()
        raw = _read(Path(root))
        return cls._found(instances.by_tuf(url, raw, settings, name=str(root), renew=renew))

    @classmethod
    def github(
        cls, root: str | Path, *, settings: Settings | None = None, renew: bool = False
    ) -> Self:
        """GitHub's own instance, which signs for private repositories; it has no log.

        Args:
            root: the TUF root of tuf-repo.github.com, of which the repository `cli/cli` has a
                copy: then it is refreshed as in `from_tuf`. Or what `gh attestation
                trusted-root` printed: then the line about GitHub's instance, which has no age.
            settings: how to fetch and where to cache.
            renew: ask also if it was asked less than a day ago.

        Raises:
            NotFound: no such file. MalformedDocument: neither of the two, or several of GitHub's.
            NotEvaluated: as `from_tuf`.
        """
        settings = settings or Settings.from_environment()
        raw = _read(Path(root))
        return cls._found(instances.github(raw, str(root), settings, renew=renew))

    @classmethod
    def _found(cls, found: instances.Found) -> Self:
        made = cls.from_json(
            found.trusted_root, signing_config=found.signing_config, source=found.source
        )
        return replace(made, fetched=found.fetched)

    @property
    def age(self) -> dt.timedelta | None:
        """How long ago it was refreshed or, of the shipped copy, published; None: it has no age."""
        return None if self.fetched is None else dt.datetime.now(dt.UTC) - self.fetched

    def with_signing_config(self, path: str | Path) -> Self:
        """The same trust, signing where the file says. Raises NotFound, MalformedDocument."""
        config = _read(Path(path))
        made = self.from_json(self.raw, signing_config=config, source=self.source)
        return replace(made, fetched=self.fetched)

    def to_json(self) -> bytes:
        """The trust root, as it was read."""
        return self.raw

    @property
    def has_logs(self) -> bool:
        """Whether it lists transparency logs: then a verified log entry is required."""
        return bool(self.material.logs)

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
    if media_type.startswith(_TRUST_ROOT) and media_type not in FORMS:
        raise UnsupportedFormat(
            f"the trust root is of form {media_type[:100]!r}, which is not read yet",
            hint="convert it to version 0.1 or 0.2",
        )
    _check_parts(read_material(raw))
    # The library reads a root from a file or a client configuration; this needs no file.
    config = _client_config(raw, b'{"mediaType":"%s"}' % _SIGNING_CONFIG.encode())
    from sigstore.errors import Error

    try:
        root = config.trusted_root
        if read_material(raw).certificate_authorities:
            root.get_fulcio_certs()
        root.get_timestamp_authorities()
    except (Error, ValueError, TypeError) as error:
        raise MalformedDocument(
            f"this is no Sigstore trust root: {_in_a_line(error)}",
            hint="expected mediaType application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        ) from error
    return root


def _check_parts(material: TrustMaterial) -> None:
    if not material.certificate_authorities and not material.logs:
        raise MalformedDocument(
            "the trust root lists neither a certificate authority nor a log",
            hint="certificates need the one, signatures by keys the other",
        )


def _client_config(root: bytes, signing_config: bytes) -> ClientTrustConfig:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    document = {
        "mediaType": _CLIENT_CONFIG,
        "trustedRoot": spelled_out(decode_object(root)),
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


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(Limits().trust_bytes + 1)
    except ValueError as error:  # a name that no file can have
        raise NotFound(f"{str(path)[:300]!a} is no path", hint="check it") from error
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
