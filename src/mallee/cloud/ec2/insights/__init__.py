"""Network insights: whether packets get from here to there, and which ways there are at all."""
