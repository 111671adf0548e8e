"""Room: evidence (see docs/architecture.md)."""
