"""Finds, validates, enables and isolates plugins; knows nothing of what they do."""
