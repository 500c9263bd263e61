"""Labs: several hosts on one machine, in namespaces, with a switch and cables between them."""
