"""Every error this library raises on purpose.

    ProvenanceError
    ├── InvalidReference       the text is no reference to an image or a key
    ├── InvalidDigest          the text is no digest
    ├── NotFound               the other side answered: it is not there
    ├── Unauthorized           401: log in
    ├── Forbidden              403: logged in, not allowed
    ├── RateLimited            429: could not tell, come back later
    ├── RegistryUnavailable    nobody answered, or not in the protocol: could not tell
    ├── ContentMismatch        bytes do not have the digest or size they were named by
    ├── LimitExceeded          larger, deeper or longer than `Limits` allows
    ├── UnsupportedFormat      recognised, but not read by this version
    ├── MalformedDocument      not what it claims to be
    ├── SigningError           no signature was made
    ├── PartlyStored           some of what was asked for is stored, some is not
    ├── VerificationError      proven no
    │   ├── NoMatchingEvidence     every placement answered, none of it proves the claim
    │   └── InvalidEvidence        one piece of evidence failed a named step
    ├── NotEvaluated           could not tell, for a reason other than the above
    └── PolicyFailed           the policy said no

A subclass exists for each decision a caller can take: `VerificationError` and
`ContentMismatch` mean *no*; `NotFound`, `RateLimited`, `RegistryUnavailable`,
`NotEvaluated` never do. Errors pickle, and carry no secret.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ContentMismatch",
    "Forbidden",
    "InvalidDigest",
    "InvalidEvidence",
    "InvalidReference",
    "LimitExceeded",
    "MalformedDocument",
    "NoMatchingEvidence",
    "NotEvaluated",
    "NotFound",
    "PartlyStored",
    "PolicyFailed",
    "ProvenanceError",
    "RateLimited",
    "RegistryUnavailable",
    "SigningError",
    "Unauthorized",
    "UnsupportedFormat",
    "VerificationError",
]


def _rebuild(cls: type[ProvenanceError], message: str, details: dict[str, Any]) -> ProvenanceError:
    return cls(message, **details)


class ProvenanceError(Exception):
    """The root. `str(error)` is one sentence: what, where, and what to do."""

    code: ClassVar[str] = "error"
    """Stable kebab-case name of the class, for machines."""

    def __init__(
        self, message: str, *, hint: str = "", reference: str = "", digest: str = ""
    ) -> None:
        """Say what happened.

        Args:
            message: what was tried on what, expected and got. No trailing full stop, no secret.
            hint: what to do about it.
            reference: the image reference or path at hand.
            digest: the digest of the content at hand.
        """
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reference = reference
        self.digest = digest

    @staticmethod
    @contextlib.contextmanager
    def located_at(where: object) -> Iterator[None]:
        """Name what is read within, e.g. a file, in errors that do not name it themselves."""
        try:
            yield
        except ProvenanceError as error:
            error.reference = error.reference or str(where)
            raise

    def __str__(self) -> str:
        text = self.message
        for name in (self.reference, self.digest):
            if name and name not in text:
                text += f" [{name}]"
        return f"{text}: {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by keyword, as the default would drop every detail."""
        details = {k: v for k, v in self.__dict__.items() if k != "message"}
        return _rebuild, (type(self), self.message, details)


class InvalidReference(ProvenanceError):
    """The text is no reference to an image, or to a key."""

    code = "invalid-reference"


class InvalidDigest(ProvenanceError):
    """The text is no digest of a registered algorithm."""

    code = "invalid-digest"


class NotFound(ProvenanceError):
    """Whoever was asked answered completely, and it is not there."""

    code = "not-found"


class Unauthorized(ProvenanceError):
    """The registry wants other credentials, or some."""

    code = "unauthorized"


class Forbidden(ProvenanceError):
    """The registry knows the credentials and refuses."""

    code = "forbidden"


class RateLimited(ProvenanceError):
    """The registry asked to come back later: nothing is known."""

    code = "rate-limited"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        hint: str = "",
        reference: str = "",
        digest: str = "",
    ) -> None:
        """Like the root, with `retry_after` in seconds where the registry named it."""
        super().__init__(message, hint=hint, reference=reference, digest=digest)
        self.retry_after = retry_after


class RegistryUnavailable(ProvenanceError):
    """No answer, or one outside the protocol: nothing is known."""

    code = "registry-unavailable"


class ContentMismatch(ProvenanceError):
    """Bytes that do not have the digest or size they were named by."""

    code = "content-mismatch"


class LimitExceeded(ProvenanceError):
    """Larger, deeper, longer or more than `Limits` allows."""

    code = "limit-exceeded"


class UnsupportedFormat(ProvenanceError):
    """Recognised, but not something this version reads."""

    code = "unsupported-format"


class MalformedDocument(ProvenanceError):
    """Not what it claims to be."""

    code = "malformed-document"

    def __init__(
        self,
        message: str,
        *,
        pointer: str = "",
        hint: str = "",
        reference: str = "",
        digest: str = "",
    ) -> None:
        """Like the root, with the JSON pointer (RFC 6901) of the fault where there is one."""
        super().__init__(message, hint=hint, reference=reference, digest=digest)
        self.pointer = pointer

    def __str__(self) -> str:
        return f"{super().__str__()} (at {self.pointer})" if self.pointer else super().__str__()


class SigningError(ProvenanceError):
    """No signature was made."""

    code = "signing-failed"


class PartlyStored(ProvenanceError):
    """Some of what was to be written beside images is there now, and some is not."""

    code = "partly-stored"

    def __init__(
        self,
        message: str,
        *,
        stored: tuple[Any, ...] = (),
        failures: tuple[ProvenanceError, ...] = (),
        hint: str = "",
        reference: str = "",
        digest: str = "",
    ) -> None:
        """Like the root, with what is stored (`Stored`), and what kept the rest from it."""
        super().__init__(message, hint=hint, reference=reference, digest=digest)
        self.stored = stored
        self.failures = failures


class VerificationError(ProvenanceError):
    """Proven no: what was asked for is not proven by what is there."""

    code = "verification-failed"


class NoMatchingEvidence(VerificationError):
    """Every placement answered, and nothing there proves the claim."""

    code = "no-matching-evidence"

    def __init__(
        self,
        message: str,
        *,
        reasons: tuple[str, ...] = (),
        hint: str = "",
        reference: str = "",
        digest: str = "",
    ) -> None:
        """Like the root, with one reason for each piece of evidence that did not count."""
        super().__init__(message, hint=hint, reference=reference, digest=digest)
        self.reasons = reasons


class InvalidEvidence(VerificationError):
    """One piece of evidence failed a named step of verification."""

    code = "invalid-evidence"

    def __init__(
        self,
        message: str,
        *,
        step: str = "",
        hint: str = "",
        reference: str = "",
        digest: str = "",
    ) -> None:
        """Like the root, with the step (a kebab-case name) that refused."""
        super().__init__(message, hint=hint, reference=reference, digest=digest)
        self.step = step


class NotEvaluated(ProvenanceError):
    """Could not tell. Neither yes nor no."""

    code = "not-evaluated"


class PolicyFailed(ProvenanceError):
    """The policy was evaluated and said no."""

    code = "policy-failed"
