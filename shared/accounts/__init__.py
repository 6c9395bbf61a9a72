"""Accounts: who somebody is, how they prove it, and the sessions in which they do."""
