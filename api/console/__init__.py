"""The admin console at /admin: pages for moderators and admins, by starlette-admin."""
