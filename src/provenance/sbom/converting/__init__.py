"""Documents between formats: native fields, what is carried besides, and what is lost."""
