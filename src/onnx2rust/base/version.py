"""The version of this package, which generated crates name."""

VERSION = "1.0.0a1"
