"""Packages: the value, purls, licence expressions, os-release. Knows no documents or images."""
