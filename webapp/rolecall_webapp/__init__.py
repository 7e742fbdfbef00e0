"""The web application: pages for people and the REST API, both drawn from what the enabled plugins register."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from rolecall import catalogues
from rolecall.accounts.actors import Actor
from rolecall.config import load
from rolecall.work.application import Application
from rolecall_webapp import endpoints, errors, frame, headers, wording

#: Each module has one blueprint called ``pages``, named like the module, whose first page is ``index``.
PAGES = (
    "login", "language", "login_code", "again_code", "external_login", "strength", "me", "me_profile", "me_sessions",
    "me_second_factor",
    "me_identities", "accounts", "actions", "runs", "slips", "views", "people", "opening", "imports", "classes",
    "class_members", "roles", "trying", "acting", "periods",
    "rollover", "integrations", "mapping", "sync", "sync_classes", "sync_held", "sync_comparison", "sync_match", "settings",
    "username_formats", "statuses", "audit", "verify", "set_password", "forgotten", "messages", "messages_again", "message_texts",
    "metrics", "api",
)  # fmt: skip


def create_app(application: Application | None = None) -> Flask:
    """Build the WSGI application around the parts of this process; without any they are made from the environment."""
    catalogues.add(Path(__file__).parent / catalogues.FOLDER)
    application = application or Application(load())
    flask = Flask(__name__)
    headers.configure(flask, application.config)
    authenticators: dict[str, Callable[[], Actor | None]] = {}
    frame.init(flask, application, authenticators)
    csrf = CSRFProtect(flask)
    for name in PAGES:
        module = import_module(f"{__name__}.{name}")
        flask.register_blueprint(module.pages)
        if hasattr(module, "authenticate"):
            # A bearer token is no cookie: no other site can make a browser send it.
            csrf.exempt(module.pages)
            authenticators[module.pages.url_prefix] = module.authenticate
        for view in getattr(module, "FROM_ELSEWHERE", ()):
            csrf.exempt(view)
    outside, prefixes = endpoints.build(application, {rule.rule.split("/")[1] for rule in flask.url_map.iter_rules()})
    flask.register_blueprint(outside)
    csrf.exempt(outside)
    authenticators.update(dict.fromkeys(prefixes, endpoints.authenticate))
    frame.public(flask.view_functions["static"])
    errors.init(flask)
    wording.init(flask)
    return flask
