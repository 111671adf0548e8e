"""Whether a document is valid, and agrees with itself."""
