"""Mallee's own administration API, a service model of its own like any of AWS."""
