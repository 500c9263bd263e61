"""What there is to launch with, and where: types, placement, room."""
