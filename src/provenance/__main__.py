"""`provenance`, and `python -m provenance`: where the command begins."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command and exit; with 130 if it is interrupted, be it while it is imported."""
    try:
        from provenance.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
