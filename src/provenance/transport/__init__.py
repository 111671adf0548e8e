"""HTTP as this library speaks it: capped, timed, verified origins. Knows no registry."""
