"""The words that everything outside relies on: lists, user types, states. Written once."""

#: The seven lists of people (R1).
LISTS = ("students", "teachers", "employees", "guardians", "partners", "alumni", "agents")

#: The user types (R8) with their labels.
USER_TYPES = {
    "administrator": "Administrators",
    "student": "Students",
    "teacher": "Teachers",
    "partner": "Partners/employers",
    "staff": "Staff/employees",
    "guardian": "Parents/guardians",
    "alumni": "Alumni",
    "agent": "Agents",
}

#: The user type of an account that is opened for a person of a list; administrators are converted employees (R5).
TYPE_OF_LIST = {
    "students": "student",
    "teachers": "teacher",
    "employees": "staff",
    "guardians": "guardian",
    "partners": "partner",
    "alumni": "alumni",
    "agents": "agent",
}

#: Types of student statuses (R3).
STATUS_TYPES = ("registered", "admission", "graduated", "withdrawn", "other")

#: What providers do about a student status (R3).
PROVIDER_ACTIONS = ("create", "suspend", "nothing")

RUN_STATES = ("draft", "queued", "running", "done", "stopped", "failed")
OUTCOMES = ("waiting", "done", "skipped", "failed")
SYNC_STATES = ("queued", "running", "retrying", "blocked", "done")
PROVIDER_STATES = ("ok", "open", "paused", "held")

#: Areas of permissions; each is viewed, created, edited and deleted (R58).
AREAS = ("accounts", "people", "roles", "periods", "settings", "integrations", "templates", "runs", "audit", "tokens")
VERBS = ("view", "create", "edit", "delete")
