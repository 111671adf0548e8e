"""Room: attestation (see docs/architecture.md)."""
