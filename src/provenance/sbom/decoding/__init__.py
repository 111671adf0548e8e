"""From bytes to decoded values: which format, which compression, which characters, which syntax."""
