"""Layers, one file per family: frozen dataclasses that mirror the structs of `rust/tf-layers`."""
