"""Review: moderators look at cases and decide, and admins look after accounts and roles."""
