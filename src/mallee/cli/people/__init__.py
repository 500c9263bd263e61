"""Who there is in the cloud, how they come in, and what they may use."""
