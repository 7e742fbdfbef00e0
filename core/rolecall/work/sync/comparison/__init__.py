"""Comparisons with a provider: what is there beside what is here, what was changed there, and what people decide about it (R64, R65)."""
