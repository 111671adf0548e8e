"""ORAS: files and folders as OCI artifacts, by the conventions of the `oras` program.

Import from the modules: this page loads nothing.
"""
