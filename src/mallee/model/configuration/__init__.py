"""The settings of a cloud, and what others' settings become."""
