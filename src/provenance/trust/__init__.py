"""Room: trust (see docs/architecture.md)."""
