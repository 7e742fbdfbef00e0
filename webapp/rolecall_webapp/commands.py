"""``rolecall run`` and ``rolecall demo``: the commands that need the web application."""

import json
import logging
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from cryptography.fernet import Fernet
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rolecall import logs
from rolecall.config import Config, load
from rolecall.errors import ConfigurationError
from rolecall.store import schema
from rolecall.work.application import Application
from rolecall_webapp import create_app
from rolecall_webapp.demo import fakes
from rolecall_webapp.demo.institution import set_up, some_people
from rolecall_webapp.server import serve, stopped_by_signal

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of sentences.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--no-worker", is_flag=True, help="Serve pages only; “rolecall worker” does the work.")
@_as_json
def run(host: str, port: int, no_worker: bool, as_json: bool) -> None:
    """Serve the web application, with the embedded worker."""
    logs.configure(logging.INFO)
    config = load()
    if not config["secret_key"]:
        raise ConfigurationError("There is no secret key.", hint=f"Run “rolecall init”, which writes one into {config.data}.")
    with Application(config) as application:
        if not schema.is_current(application.db):
            raise ConfigurationError("The database has another schema than this version needs.", hint="Run “rolecall migrate”.")
        wsgi = create_app(application).wsgi_app
        said = json.dumps({"url": config.base_url}) if as_json else f"Rolecall is at {config.base_url}"
        _serve(application, wsgi, host, port, worker=not no_worker, said=said)


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@_as_json
def demo(port: int, as_json: bool) -> None:
    """Show a school of 500 invented people, connected to fake providers; Ctrl+C throws it away."""
    started = time.monotonic()
    click.echo("Setting up a school of 500 invented people …", err=True)
    with stopped_by_signal(), tempfile.TemporaryDirectory(prefix="rolecall-demo-") as folder:
        address = f"http://127.0.0.1:{port}"
        with Application(_throw_away(Path(folder), address)) as application:
            made = fakes.make(entry_points(group=fakes.GROUP), application.plugins.installed, f"{address}/_fake")
            for sentence in made.left_out:
                click.echo(sentence, err=True)
            token = set_up(application, {name: fake.settings for name, fake in made.apps.items()})
            fakes.introduce(made, some_people(application))
            web = create_app(application)
            web.config["ROLECALL_DEMO"] = True
            wsgi = DispatcherMiddleware(web.wsgi_app, {f"/_fake/{name}": fake for name, fake in made.apps.items()})
            took = time.monotonic() - started
            link = f"{address}/one-time/{token}"
            said = f"Ready after {took:.0f} s. Open this link once to be the administrator; Ctrl+C ends the demo:\n{link}"
            _serve(application, wsgi, "127.0.0.1", port, worker=True, said=json.dumps({"url": link}) if as_json else said)
    click.echo("The demo is over; nothing of it is left.", err=True)


def _serve(application: Application, wsgi: Any, host: str, port: int, *, worker: bool, said: str) -> None:
    def announce() -> None:
        click.echo(said)
        sys.stdout.flush()

    try:
        serve(application, wsgi, host=host, port=port, worker=worker, listening=announce)
    except OSError as error:
        raise ConfigurationError(f"Port {port} cannot be used: {error.strerror}.", hint="Choose another with --port.") from error


def _throw_away(folder: Path, address: str) -> Config:
    return load(
        {},
        data=str(folder),
        database_url=f"sqlite:///{folder / 'rolecall.db'}",
        base_url=address,
        secret_key=Fernet.generate_key().decode(),
        encryption_keys=Fernet.generate_key().decode(),
        # Fakes that do not speak HTTP have ports of their own.
        outbound_allow="127.0.0.1:*",
    )
