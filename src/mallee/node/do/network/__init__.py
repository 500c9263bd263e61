"""Touches namespaces, links, routes and firewalls."""
