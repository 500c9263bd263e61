"""Small tools that know nothing of clouds: files, processes, logs, secrets, certificates."""
