"""What runs shut in (`node.do.jail`) and reads files of strangers: standard library alone."""
