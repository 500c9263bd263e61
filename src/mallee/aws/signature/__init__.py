"""Who signed a request, and whether he did: SigV4 in headers and queries, and SigV2."""
