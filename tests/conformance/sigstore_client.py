"""A client as the Sigstore conformance suite runs one, over the library.

    sigstore_client.py verify-bundle [--staging] --bundle FILE
        (--certificate-identity NAME --certificate-oidc-issuer URL | --key FILE)
        [--trusted-root FILE] FILE|sha256:HEX
    sigstore_client.py sign-bundle [--staging] [--in-toto] --identity-token TOKEN --bundle FILE
        [--trusted-root FILE] [--signing-config FILE] FILE

Exits 0: verified, or signed. 1: proven no, 3: could not tell; the reason is on standard error,
its step first. 2: wrong usage. Anything else would be a crash, which is no refusal.
With PROVENANCE_OFFLINE=1 and no trust root, the one that is shipped is used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    InvalidDigest,
    MalformedDocument,
    ProvenanceError,
    VerificationError,
)
from provenance.signing import verify_blob
from provenance.signing.keys import open_public_key
from provenance.trust import Trust
from provenance.verification import Identity

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey

REFUSED, COULD_NOT_TELL = 1, 3


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="sigstore_client.py", allow_abbrev=False)
    commands = whole.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify-bundle", allow_abbrev=False)
    sign = commands.add_parser("sign-bundle", allow_abbrev=False)
    for command in (verify, sign):
        command.add_argument("--staging", action="store_true")
        command.add_argument("--bundle", type=Path, required=True)
        command.add_argument("--trusted-root", type=Path)
    verify.add_argument("--certificate-identity")
    verify.add_argument("--certificate-oidc-issuer")
    verify.add_argument("--key", type=Path)
    verify.add_argument("artifact", metavar="FILE|sha256:HEX")
    sign.add_argument("--in-toto", action="store_true")
    sign.add_argument("--identity-token", required=True)
    sign.add_argument("--signing-config", type=Path)
    sign.add_argument("artifact", metavar="FILE")
    return whole


def trusted(options: argparse.Namespace) -> Trust:
    if options.trusted_root is not None:
        return Trust.from_file(options.trusted_root)
    return Trust.staging() if options.staging else Trust.public_good()


def artifact(named: str) -> Path | Digest:
    """The protocol: a digest is what has the form of one, and is no path on disk."""
    try:
        return Path(named) if Path(named).exists() else Digest.parse(named)
    except InvalidDigest:
        return Path(named)


def expected(options: argparse.Namespace) -> tuple[Identity | None, PublicKey | None]:
    """Who must have signed: what cannot be read of it proves nothing of the bundle."""
    who = None
    if options.certificate_identity is not None:
        who = Identity(options.certificate_identity, issuer=options.certificate_oidc_issuer or "")
    return who, None if options.key is None else open_public_key(options.key)


def verify(
    options: argparse.Namespace, trust: Trust, who: Identity | None, key: PublicKey | None
) -> None:
    if (who is None) == (key is None):
        raise VerificationError("either an identity or a key signs: exactly one must be named")
    verify_blob(artifact(options.artifact), options.bundle, who, key=key, trust=trust)


def sign(options: argparse.Namespace, trust: Trust) -> None:
    from provenance.signing import Signer

    signer = Signer.keyless(
        trust=trust, signing_config=options.signing_config, identity_token=options.identity_token
    )
    raw = Path(options.artifact).read_bytes()
    bundle = signer.sign_statement(raw) if options.in_toto else signer.sign_payload(raw)
    options.bundle.write_bytes(bundle)


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    verifies = options.command == "verify-bundle"
    try:
        trust = trusted(options)
        who, key = expected(options) if verifies else (None, None)
    except (ProvenanceError, OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program
        return COULD_NOT_TELL
    try:
        if verifies:
            verify(options, trust, who, key)
        else:
            sign(options, trust)
    except (VerificationError, ContentMismatch, MalformedDocument) as error:
        print(f"{step_of(error)}: {error}", file=sys.stderr)  # noqa: T201 - a program
        return REFUSED
    except (ProvenanceError, OSError, ValueError) as error:
        print(f"{step_of(error)}: {error}", file=sys.stderr)  # noqa: T201 - a program
        return COULD_NOT_TELL
    return 0


def step_of(error: Exception) -> str:
    return str(getattr(error, "step", "") or getattr(error, "code", type(error).__name__))


if __name__ == "__main__":
    sys.exit(main())
