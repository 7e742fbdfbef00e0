"""Finds, validates, enables and isolates plugins; holds the registry of what they declare."""
