"""The domain: everything true about Delete, with no web framework and no task queue in it."""
