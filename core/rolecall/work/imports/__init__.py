"""Imports of people: reading, staging, preview and confirmation."""
