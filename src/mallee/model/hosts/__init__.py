"""Hosts and front ends: how far they take part, what they are told and asked."""
