"""The development stack: embedded Postgres and Redis, and the supervisor behind `make up`."""
