"""Plans of instances, as steps and XML."""
