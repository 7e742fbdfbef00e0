"""The web application: pages for people and the REST API, both drawn from what the enabled plugins register."""

from collections.abc import Callable
from importlib import import_module

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from rolecall.accounts.actors import Actor
from rolecall.config import load
from rolecall.work.application import Application
from rolecall_webapp import errors, frame, headers, wording

#: Each module has one blueprint called ``pages``, named like the module, whose first page is ``index``.
PAGES = (
    "login", "accounts", "actions", "runs", "views", "people", "opening", "imports", "roles", "periods", "integrations", "sync", "settings",
    "audit", "api",
)  # fmt: skip


def create_app(application: Application | None = None) -> Flask:
    """Build the WSGI application around the parts of this process; without any they are made from the environment."""
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
    frame.public(flask.view_functions["static"])
    errors.init(flask)
    wording.init(flask)
    return flask
