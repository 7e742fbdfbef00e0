"""Tables, engine, filters and the list projection: everything that knows SQL and nothing that knows a rule."""
