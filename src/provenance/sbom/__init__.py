"""Room: sbom (see docs/architecture.md)."""
