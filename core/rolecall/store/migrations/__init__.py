"""The history of the schema. Run by ``store.schema``; a revision never imports the tables, which are always of today."""
