"""Who may do what in S3: policies, lists, ownership, public access."""
