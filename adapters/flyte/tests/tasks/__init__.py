"""Tasks that the tests run, in this process or as pods."""
