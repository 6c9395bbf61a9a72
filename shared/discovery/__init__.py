"""Discovery: who is shown to whom, in what order, and why."""
