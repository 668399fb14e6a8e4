"""A hundred thousand dead letters of three hundred causes, and what people do with them, measured."""
