"""The HTTP edge: routes, wire shapes and nothing that thinks."""
