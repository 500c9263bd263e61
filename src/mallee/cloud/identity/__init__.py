"""Who calls and what he may do: signatures, sessions, policies, and what is known of strangers."""
