"""What hosts may ask and are told: how they join, their slices, which of them gets an instance."""
