"""Images, and disks that come in and go out."""
