"""A runner without Ray, for tests of the pool: the same protocol over the same socket, ready in a tenth of a second."""
