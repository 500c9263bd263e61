"""The service `dlm`: policies by which snapshots and images are made and deleted at times."""
