"""The cloud in a box: layout of its root directory, its daemons, and their supervisor."""
