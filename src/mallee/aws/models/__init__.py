"""The vendored service models, read by `mallee.aws.model`."""
