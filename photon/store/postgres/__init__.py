"""CloudStore in PostgreSQL, for any number of controllers."""
