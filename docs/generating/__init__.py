"""What docs/generate.py writes into the reference pages, one module per kind of source."""
