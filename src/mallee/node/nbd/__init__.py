"""The block server: volumes' contents, read from the object store as guests need them."""
