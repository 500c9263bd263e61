"""The service `rbin`: rules of what deleted things are kept in the recycle bin, and how long."""
