"""Who may speak with whom: security groups, network ACLs, block public access."""
