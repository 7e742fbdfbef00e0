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

#: The roles that a person can have in a class, with their labels (R60a).
CLASS_ROLES = {"student": "Student", "teacher": "Teacher", "assistant": "Assistant"}

#: Whose people can have a role in a class: anybody takes part, an assistant may be a student or a former one, and who teaches
#: sees everybody's work and marks at the providers.
LISTS_OF_CLASS_ROLE = {
    "student": LISTS,
    "assistant": ("students", "teachers", "employees", "partners", "alumni"),
    "teacher": ("teachers", "employees", "partners"),
}

#: Types of student statuses (R3).
STATUS_TYPES = ("registered", "admission", "graduated", "withdrawn", "other")

#: What providers do about a student status (R3).
PROVIDER_ACTIONS = ("create", "suspend", "nothing")

RUN_STATES = ("draft", "queued", "running", "done", "stopped", "failed")
OUTCOMES = ("waiting", "done", "skipped", "failed")
SYNC_STATES = ("queued", "running", "retrying", "blocked", "done")
PROVIDER_STATES = ("ok", "open", "paused", "held")

#: Entries of the main menu by id, with the labels that they have until a role renames them (R57).
MENUS = {
    "accounts": "Accounts",
    "people": "People",
    "classes": "Classes",
    "imports": "Imports",
    "runs": "Runs",
    "sync": "Sync",
    "messages": "Messages",
    "integrations": "Integrations",
    "roles": "Roles",
    "periods": "Periods",
    "audit": "Audit",
    "templates": "Templates",
    "settings": "Settings",
}

#: Areas of permissions; each is viewed, created, edited and deleted (R58).
AREAS = ("accounts", "people", "roles", "periods", "settings", "integrations", "messages", "templates", "runs", "audit", "tokens")
VERBS = ("view", "create", "edit", "delete")
