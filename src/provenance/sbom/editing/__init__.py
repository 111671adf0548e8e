"""Edits that change what they are asked to and nothing else."""
