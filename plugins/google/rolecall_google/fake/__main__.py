"""Runs the pretended Workspace as a process of its own: ``python -m rolecall_google.fake --port 8080``."""

from werkzeug.serving import make_server

from rolecall.testing.fakes import main
from rolecall_google.fake import create_app

if __name__ == "__main__":
    main(create_app, make_server)
