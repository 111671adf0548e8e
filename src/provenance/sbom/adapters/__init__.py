"""Documents as the objects of other libraries, and back: one file each, which alone imports it."""
