"""The web application: pages and REST API, computed from the registry."""
