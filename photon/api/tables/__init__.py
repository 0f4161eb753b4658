"""The rows of the route table, one noun a file."""
