"""Sync of classes: what of a class is wanted at a provider, in one change, with its members (R60a, R61)."""
