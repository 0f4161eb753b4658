"""A cloud of which any one part may fail, on one machine: what deploy/ha describes, made to run."""
