"""What the names in one generated file stand for: no item of tf-layers can take the name of another one, or of the file's own."""

from __future__ import annotations

from collections.abc import Iterable

from onnx2rust.base.naming import Escaped, Names
from onnx2rust.ir.layer import Layer

MODEL_FILE = (
    *("Axis", "Cpu", "Error", "F16", "Fixed", "Layers", "Sequence", "Slot", "Tensor", "TensorView", "Weights"),
    *("ArrayInputs", "FILE", "LAYERS", "LazyLock", "OwnedWeights", "SCRATCH", "StoredWeights"),
    *("Classification", "Confidence", "Dims", "Inputs", "Outputs", "Part", "Sizes", "THRESHOLDS", "Workspace"),
    *("Default", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "Vec"),
)
"""Types and constants that `src/model.rs` names, besides layers."""
LAYERS_FILE = ("EMBEDDED", "F16", "Layers", "None", "Option", "Self", "Some", "Weights")
"""Types and constants that `src/layers.rs` names, besides layers."""
LOCALS = (
    *("inputs", "ws", "cpu", "l", "d", "block", "sizes", "samples", "first"),
    *("size", "window_count", "elements", "check_input", "check_lengths", "largest", "open_size"),
)
"""Parameters and variables of `predict` and its methods, and functions that they call."""


class Scope:
    """Everything that has a name in one file: its own items (`taken`), those of tf-layers that it
    imports, and the variables of its functions.

    `symbols` are the names of sizes: they have the same variable in every function.
    """

    def __init__(self, taken: Iterable[str] = (), symbols: Iterable[str] = ()) -> None:
        self._names = Names(taken)
        self._imported: dict[str, Escaped] = {}
        self.features = set[str]()
        """The cargo features of tf-layers that its layers lie behind."""
        self.variables = Names(LOCALS)
        self.symbols = {s: self.variables.unique(s, f"{s}_size") for s in symbols}
        """The variables of symbols."""

    def own(self, name: str) -> Escaped:
        """A name for a type of the file itself: `Block`, `Block2`, `Block3`."""
        return self._names.unique(name, *(f"{name}{k}" for k in range(2, 1000)))

    def counted(self, name: str) -> Escaped:
        """A name for a variable: `i_1`, `i_2`, `i_3`."""
        return self.variables.unique(*(f"{name}_{k}" for k in range(1, 1000)))

    def layer(self, layer: type[Layer]) -> Escaped:
        """What the file calls a layer's struct."""
        self.features.add(layer.feature)
        return self.item(layer.rust)

    def item(self, path: str) -> Escaped:
        """What the file calls `tf_layers::<path>`: its last segment, or, where that is taken, the one before it as well."""
        if path not in self._imported:
            *modules, name = path.split("::")
            self._imported[path] = self._names.unique(name, "".join(m.title().replace("_", "") for m in modules[-1:]) + name)
        return self._imported[path]

    def imports(self) -> list[Escaped]:
        """The `use` paths, those of one module together: `movement::{Reduction as IndexingReduction, ScatterNd}`."""
        by_module: dict[str, list[str]] = {}
        for path, name in self._imported.items():
            module, item = path.rsplit("::", 1)
            by_module.setdefault(module, []).append(item if item == name else f"{item} as {name}")
        return [
            Escaped(f"{module}::{items[0]}" if len(items) == 1 else f"{module}::{{{', '.join(sorted(items))}}}")
            for module, items in sorted(by_module.items())
        ]
