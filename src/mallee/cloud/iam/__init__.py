"""IAM actions: accounts' own access keys and names."""
