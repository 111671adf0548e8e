"""Showing things: escaping first. What is shown comes from strangers; no room is imported here."""
