"""`mallee images`: built, tested, customised, brought in and out."""
