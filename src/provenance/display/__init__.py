"""Room: display (see docs/architecture.md)."""
