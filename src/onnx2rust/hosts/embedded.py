"""Microcontrollers: firmware for a Cortex-M that runs the model without an operating system and without an allocator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx2rust.base.errors import UnsupportedError
from onnx2rust.base.naming import Escaped
from onnx2rust.emit.borders import Tensor
from onnx2rust.hosts.shells import Host, Model, Shell, copied, refused, run
from onnx2rust.ir.dtypes import DType

TARGET = "thumbv7em-none-eabihf"


@dataclass(frozen=True)
class Input:
    """An input that lies in flash."""

    tensor: Tensor

    @property
    def field(self) -> Escaped:
        """Of `Inputs`."""
        return self.tensor.field

    @property
    def constant(self) -> Escaped:
        """The static's name: no name of Rust's own begins so."""
        return Escaped(f"INPUT_{self.tensor.field.upper()}")

    @property
    def rust(self) -> Escaped:
        """Its elements' type."""
        return Escaped("model::F16" if self.tensor.dtype is DType.F16 else self.tensor.rust)

    @property
    def elements(self) -> int:
        """How many there are."""
        return math.prod(d for d in self.tensor.type.axes if isinstance(d, int))

    @property
    def file(self) -> str:
        """Where its bytes are."""
        return f"inputs/{self.tensor.field}.bin"

    @property
    def value(self) -> Escaped:
        """What the static holds: no file can hold bools, because a byte may be neither."""
        if self.tensor.dtype is DType.BOOL:
            return Escaped(f"[false; {self.elements}]")
        return Escaped(f'model::tf_layers::bytemuck::must_cast(*include_bytes!("../{self.file}"))')

    @property
    def about(self) -> Escaped:
        """Its shape, and where it comes from."""
        source = "" if self.tensor.dtype is DType.BOOL else f", from `{self.file}`"
        return Escaped(f"{self.tensor.shape_text}{source}")


def _values(model: Model) -> Mapping[str, Any]:
    tensors = (*model.border.inputs, *model.border.outputs)
    odd = (t for t in tensors if not t.is_tensor or t.dtype is DType.STRING)
    if problems := refused("embedded", odd, "sequences, maps and strings", "firmware"):
        raise UnsupportedError(problems)
    return {"inputs": _inputs(model), "outputs": [o.field for o in model.border.outputs]}


def _inputs(model: Model) -> list[Input]:
    return [Input(tensor) for tensor in model.border.inputs]


def _zeros(model: Model) -> Mapping[str, bytes]:
    """The inputs' files, until there are others."""
    found = (i for i in _inputs(model) if i.tensor.dtype is not DType.BOOL)
    return {i.file: bytes(i.tensor.dtype.bytes(i.elements)) for i in found}


def _build(shell: Shell, workspace: Path, folder: Path) -> None:
    """Builds in the shell's folder, where cargo finds the target."""
    target = workspace / "target"
    run(["cargo", "build", "--release", "--quiet", "--target-dir", str(target)], folder, shell.package)
    copied(target / TARGET / "release", folder / "dist", {shell.package: f"{shell.package}.elf"})


HOST = Host(
    "embedded",
    {
        "Cargo.toml": "Cargo.toml",
        ".cargo/config.toml": "config.toml",
        "README.md": "README.md",
        "build.rs": "build.rs",
        "memory.x": "memory.x",
        "src/main.rs": "src/main.rs",
        "src/firmware.rs": "src/firmware.rs",
    },
    _values,
    _build,
    data=_zeros,
    static=True,
    fileless="a microcontroller has no files: weights lie in flash",
)
