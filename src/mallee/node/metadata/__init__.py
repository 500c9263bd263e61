"""The instance metadata service: what a guest may ask about itself at 169.254.169.254."""
