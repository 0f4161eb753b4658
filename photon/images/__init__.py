"""The image library: uploads in, checked and standalone qcow2 files out, known by checksum."""
