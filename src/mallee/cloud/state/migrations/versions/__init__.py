"""One file per step of the schema, oldest first; `tables.SCHEMA_VERSION` names the newest."""
