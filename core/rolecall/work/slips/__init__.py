"""Printed user information: sheets of slips as a page or a PDF, handed out once to whoever began the run (R28, R45)."""
