"""The AWS dialects as pure functions: codecs, signatures, errors, filters and paging."""
