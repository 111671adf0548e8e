"""What packages look like on disk: one file or folder an ecosystem, each with a `Cataloger`."""
