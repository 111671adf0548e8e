"""One document out of several."""
