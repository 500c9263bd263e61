"""S3: buckets and objects, served by a process of their own."""
