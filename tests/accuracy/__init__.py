"""How often the classifier is right: labelled messages, what it says of each, and the figures that come of it."""
