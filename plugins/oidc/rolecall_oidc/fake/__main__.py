"""Runs the pretended issuer as a process of its own: ``python -m rolecall_oidc.fake --port 8080``."""

from werkzeug.serving import make_server

from rolecall.testing.fakes import main
from rolecall_oidc.fake import create_app

if __name__ == "__main__":
    main(create_app, make_server)
