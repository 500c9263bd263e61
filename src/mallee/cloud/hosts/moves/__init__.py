"""What goes from host to host, into the cloud and out of it."""
