"""Who there is, what proves it, what each may use."""
