"""The nouns of the cloud as frozen values, and the rules that hold over values alone."""
