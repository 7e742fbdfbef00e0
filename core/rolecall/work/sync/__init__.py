"""Sync: claims links that are behind, plans, calls and settles."""
