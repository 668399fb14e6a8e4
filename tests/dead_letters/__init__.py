"""Tests of what people do with dead letters."""
