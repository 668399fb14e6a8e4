"""Real exceptions, provoked with the real libraries and servers, and the verdict an experienced operator would give.

The verdicts were written down before any classifier was asked: ``transient`` is worth another attempt with nobody
changing anything, ``permanent`` fails again however often it is tried, ``unknown`` is what the exception alone cannot
tell, such as an exit code without a word.
"""
