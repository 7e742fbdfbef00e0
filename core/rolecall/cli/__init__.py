"""The rolecall command; knows nothing of a particular action or plugin."""
