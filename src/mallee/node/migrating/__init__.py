"""Guests that run and go from one host to another."""
