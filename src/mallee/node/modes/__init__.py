"""The classic network modes on a host: legs of VPCs' namespaces, switches, the gateway."""
