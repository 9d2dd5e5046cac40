"""The commands that convert, read or describe a model."""
