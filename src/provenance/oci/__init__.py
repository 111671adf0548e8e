"""OCI: references, descriptors, manifests, and repositories wherever they are.

Knows of no SBOM and no signature. Import from the modules: this page loads nothing.
"""
