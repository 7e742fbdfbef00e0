"""The rolecall command."""

from rolecall.cli.commands import main

__all__ = ["main"]
