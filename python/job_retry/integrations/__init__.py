"""Adapters that put the native classes into other packages, each imported only where it is asked for."""
