"""The roof (settings, routes) and the floor (errors, HTTP habits) of the project. No domain rule lives here."""

__version__ = "0.1.0"
