"""Runs: freezing a selection, working through it in batches, stopping, resuming and undoing."""
