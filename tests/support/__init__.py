"""The real parts the tests drive: object stores, a faulty network, Jupyter servers."""
