"""Everything that is done to many accounts, and the only place that commits."""
