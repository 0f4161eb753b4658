"""Calls between our programs: thrift messages over framed streams, many at a time.

`service` reads a thrift file, `connection` calls, `server` serves, `network` is what both stand on.
"""
