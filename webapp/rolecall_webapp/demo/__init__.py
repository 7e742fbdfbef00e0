"""The demo institution: a school of 500 invented people in four scripts, connected to fakes, thrown away at the end."""
