"""IAM actions: an account's users, groups, policies, access keys and names."""
