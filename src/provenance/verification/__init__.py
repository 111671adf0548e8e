"""Room: verification (see docs/architecture.md)."""
