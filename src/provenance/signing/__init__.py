"""Room: signing (see docs/architecture.md)."""
