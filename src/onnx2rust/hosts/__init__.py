"""Shells: a crate beside a model's crate, through which a program in another language calls the model.

A shell holds the `unsafe` code that such a border needs, and nothing else; what it is made of is the model's border.
"""

from __future__ import annotations

from onnx2rust.hosts import c, embedded, python, score, server, wasm
from onnx2rust.hosts.shells import Host, Model, Shell

__all__ = ["HOSTS", "Host", "Model", "Shell"]

HOSTS: dict[str, Host] = {host.name: host for host in (c.HOST, embedded.HOST, python.HOST, score.HOST, wasm.HOST, server.HOST)}
"""By what `--host` calls them."""
