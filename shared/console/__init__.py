"""What the admin console shows: lists and figures across all domains, read and never changed here."""
