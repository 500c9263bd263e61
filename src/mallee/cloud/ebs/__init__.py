"""EBS direct APIs: what snapshots have, read and written block by block, in the process of S3."""
