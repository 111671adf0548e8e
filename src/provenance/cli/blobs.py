"""`sign-blob`, `verify-blob`: files that are in no registry."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.identities import identity, identity_options
from provenance.cli.printing import echo, show_json
from provenance.cli.session import output_option, settings, trust, trust_options
from provenance.cli.signers import signer, signer_options
from provenance.cli.streams import standard_input

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.verification import SignedBlob, SignedStatement

__all__ = ["sign_blob", "verify_blob"]


@click.command("sign-blob")
@click.argument("blob", metavar="BLOB")
@signer_options
@click.option("--bundle", metavar="FILE", help="Write the bundle there; else to stdout.")
def sign_blob(blob: str, bundle: str | None, **given: Any) -> None:
    """Sign the file BLOB; - is standard input. Prints the bundle, or where it was written."""
    from provenance.signing import sign_blob as sign_file

    if bundle is not None:
        _see_place(Path(bundle))
    signed = sign_file(_piped() if blob == "-" else blob, signer(given))
    if bundle is None:
        click.echo(signed.raw)
        return
    _write(Path(bundle), signed.raw)
    echo(bundle)


@click.command("verify-blob")
@click.argument("blob", metavar="BLOB|DIGEST")
@click.option("--bundle", metavar="FILE", required=True, help="The bundle, as sign-blob writes it.")
@identity_options
@click.option("--key", metavar="REFERENCE", help="Which key must have signed: a file, KMS, ...")
@click.option("--type", "require", default="any", help="Or signature, slsaprovenance, a URI.")
@click.option(
    "--insecure-ignore-tlog",
    is_flag=True,
    help="Accept a signature that no transparency log has.",
)
@trust_options
@output_option
def verify_blob(blob: str, bundle: str, output: str, **given: Any) -> None:
    """Prove who signed the file BLOB, or the one with DIGEST (sha256:...); - is standard input."""
    from provenance.attestation.predicate_types import check_wanted
    from provenance.signing import verify_blob as verify_file

    who, key = identity(given), given["key"]
    if (who is None) == (key is None):
        raise click.UsageError(
            "say who must have signed: --certificate-identity with --certificate-oidc-issuer, "
            "or --key; not both"
        )
    try:
        check_wanted(given["require"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = verify_file(
        _blob(blob),
        bundle,
        who,
        key=key,
        require=given["require"],
        trust=trust(given["trusted_root"]),
        unsafe_no_log=given["insecure_ignore_tlog"],
        settings=settings(),
    )
    if output == "json":
        show_json("verify-blob", **_fields(found))
        return
    _show(found)


def _blob(given: str) -> str | bytes | Digest:
    """A file of that name, or a digest. Raises InvalidDigest for what begins as one."""
    from provenance.digests import Digest

    if given == "-":
        return _piped()
    looks = given.startswith(("sha256:", "sha384:", "sha512:")) and not Path(given).exists()
    return Digest(given) if looks else given


def _piped() -> bytes:
    """What is on standard input. Raises LimitExceeded."""
    from provenance.errors import LimitExceeded
    from provenance.settings import Limits

    limit = Limits().document_bytes
    data = standard_input(limit)
    if len(data) > limit:
        raise LimitExceeded(
            f"standard input has more than {limit} bytes",
            hint="give it as a file: those are hashed, not held",
        )
    return data


def _fields(found: SignedBlob | SignedStatement) -> dict[str, Any]:
    from provenance.verification import SignedBlob

    fields: dict[str, Any] = {
        "identity": found.identity,
        "issuer": found.issuer,
        "time": None if found.time is None else found.time.isoformat(),
        "log_entries": [
            {"log": entry.log, "index": entry.index, "kind": entry.kind}
            for entry in found.log_entries
        ],
        "warnings": list(found.warnings),
    }
    if isinstance(found, SignedBlob):
        return {"digest": found.digest, **fields}
    said = found.statement
    return {"predicate_type": said.predicate_type, **fields, "predicate": said.predicate}


def _show(found: SignedBlob | SignedStatement) -> None:
    from provenance.verification import SignedBlob

    vouched = f" (issuer {found.issuer})" if found.issuer else ""
    said = found.digest if isinstance(found, SignedBlob) else found.statement.predicate_type
    echo(f"{said} signed by {found.identity}{vouched}")
    if found.time is not None:
        echo(f"  at {found.time:%Y-%m-%d %H:%M:%S} UTC")
    for entry in found.log_entries:
        echo(f"  log entry {entry.index} of {entry.log or 'the log'}")
    for warning in found.warnings:
        echo(f"  warning: {warning}")


def _see_place(path: Path) -> None:
    """Before anything is signed, and logged for ever. Raises NotFound."""
    from provenance.errors import NotFound

    if path.is_dir() or not path.parent.is_dir():
        raise NotFound(f"{path} cannot be written: it is no file in a folder", hint="name another")


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a link is followed, and a pipe or device written to.

    Raises NotFound where the folder does not take it.
    """
    from provenance.errors import NotFound

    try:
        path = Path(os.path.realpath(path))
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise NotFound(
            f"{path} cannot be written ({error.strerror})", hint="check its folder"
        ) from error
