"""Writing several things one after the other, so that a fault tells what is there by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.errors import PartlyStored, ProvenanceError, SigningError
from provenance.evidence.making import BUNDLE, LEGACY, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.evidence.making import Piece
    from provenance.evidence.storing import Shelf, Stored
    from provenance.image import Image

__all__ = ["in_turn", "store_all"]

_AGAIN = "run it again with reuse, which keeps what is there and verifies"


def store_all(
    pieces: Sequence[Piece],
    kept: Mapping[str, Stored],
    shelf: Shelf,
    layouts: Sequence[str],
    document: Stored | None = None,
) -> Stored:
    """Store what was made for one image. The first layout's comes back, with the other in `also`.

    Raises:
        PartlyStored: one layout is stored, the other is not.
        ProvenanceError: nothing is.
    """
    done = dict(kept)
    for piece in pieces:
        try:
            done[BUNDLE if piece.layer is None else LEGACY] = store(piece, shelf)
        except ProvenanceError as error:
            there = (*done.values(), *(() if document is None else (document,)))
            if not there:
                raise
            raise _partly(there, (error,), str(shelf.image.reference)) from error
    first, *rest = (replace(done[name], document=document) for name in layouts)
    return replace(first, also=tuple(rest))


def in_turn(images: Sequence[Image], write: Callable[[Image], Stored]) -> Stored:
    """Do the same for every image. The last one's result comes back, the others in `also`.

    What fails for one image does not keep the others from it, unless it is the signer that fails.

    Raises:
        PartlyStored: some are done, some are not.
        ProvenanceError: none is; the first failure.
    """
    done: list[Stored] = []
    failures: list[ProvenanceError] = []
    for image in images:
        try:
            done.append(write(image))
        except PartlyStored as error:
            done.extend(error.stored)
            failures.extend(error.failures)
        except ProvenanceError as error:
            error.reference = error.reference or str(image.reference)
            failures.append(error)
            if isinstance(error, SigningError):
                break
    if not failures:
        last = done[-1]
        return replace(last, also=(*done[:-1], *last.also))
    if not done:
        raise failures[0]
    raise _partly(tuple(done), tuple(failures), str(images[-1].reference)) from failures[0]


def _partly(
    done: tuple[Stored, ...], failures: tuple[ProvenanceError, ...], reference: str
) -> PartlyStored:
    there = ", ".join(_told(one) for one in done[:3])
    more = f" and {len(done) - 3} more" if len(done) > 3 else ""
    return PartlyStored(
        f"stored: {there}{more}; not all of it: {failures[0]}",
        stored=tuple(part for one in done for part in one.everything),
        failures=failures,
        reference=reference,
        hint=_AGAIN,
    )


def _told(one: Stored) -> str:
    of = f" of {one.subject.short}" if one.subject is not None else ""
    return f"{one.kind}{of} by {one.placement}"
