"""The rules: eligibility, opening, user names, passwords, roles and periods, permissions, settings, secrets at rest, audit."""
