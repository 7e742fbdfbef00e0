"""``rolecall run`` and ``rolecall demo``: the commands that need the web application."""

import json
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from cryptography.fernet import Fernet
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from rolecall.config import Config, load
from rolecall.errors import ConfigurationError
from rolecall.store import schema
from rolecall.work.application import Application
from rolecall_webapp import create_app
from rolecall_webapp.demo.institution import set_up
from rolecall_webapp.server import serve

FAKES = "rolecall.fakes"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--no-worker", is_flag=True, help="Serve pages only; “rolecall worker” does the work.")
def run(host: str, port: int, no_worker: bool) -> None:
    """Serve the web application, with the embedded worker."""
    config = load()
    if not config["secret_key"]:
        raise ConfigurationError("There is no secret key.", hint=f"Run “rolecall init”, which writes one into {config.data}.")
    with Application(config) as application:
        if not schema.is_current(application.db):
            raise ConfigurationError("The database has another schema than this version needs.", hint="Run “rolecall migrate”.")
        wsgi: Any = create_app(application).wsgi_app
        if config.trusted_proxies:
            hops = config.trusted_proxies
            wsgi = ProxyFix(wsgi, x_for=hops, x_proto=hops, x_host=hops)
        _serve(application, wsgi, host, port, worker=not no_worker, said=f"Rolecall is at {config.base_url}")


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def demo(port: int) -> None:
    """Show a school of 500 invented people, connected to fake providers; Ctrl+C throws it away."""
    started = time.monotonic()
    click.echo("Setting up a school of 500 invented people …", err=True)
    with tempfile.TemporaryDirectory(prefix="rolecall-demo-") as folder:
        address = f"http://127.0.0.1:{port}"
        with Application(_throw_away(Path(folder), address, port)) as application:
            fakes = {point.name: point.load()(f"{address}/_fake/{point.name}") for point in entry_points(group=FAKES)}
            token = set_up(application, {name: fake.settings for name, fake in fakes.items()})
            web = create_app(application)
            wsgi = DispatcherMiddleware(web.wsgi_app, {f"/_fake/{name}": fake for name, fake in fakes.items()})
            took = time.monotonic() - started
            lines = [f"Ready after {took:.0f} s. Open this link once to be the administrator; Ctrl+C ends the demo:"]
            _serve(application, wsgi, "127.0.0.1", port, worker=True, said="\n".join([*lines, f"{address}/one-time/{token}"]))
    click.echo("The demo is over; nothing of it is left.", err=True)


def _serve(application: Application, wsgi: Any, host: str, port: int, *, worker: bool, said: str) -> None:
    def announce() -> None:
        if "--json" in sys.argv:
            said_last = said.splitlines()[-1]
            click.echo(json.dumps({"url": said_last.split()[-1]}))
        else:
            click.echo(said)
        sys.stdout.flush()

    try:
        serve(application, wsgi, host=host, port=port, worker=worker, listening=announce)
    except OSError as error:
        raise ConfigurationError(f"Port {port} cannot be used: {error.strerror}.", hint="Choose another with --port.") from error


def _throw_away(folder: Path, address: str, port: int) -> Config:
    return load(
        {},
        data=str(folder),
        database_url=f"sqlite:///{folder / 'rolecall.db'}",
        base_url=address,
        secret_key=Fernet.generate_key().decode(),
        encryption_keys=Fernet.generate_key().decode(),
        outbound_allow=f"127.0.0.1:{port}",
    )
