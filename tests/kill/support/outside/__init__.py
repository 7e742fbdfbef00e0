"""Things in processes of their own, for tests that kill them: the worker, the web server, the service that they call."""
