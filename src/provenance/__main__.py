"""`python -m provenance`."""

from __future__ import annotations

from provenance.cli.main import main

if __name__ == "__main__":
    main()
