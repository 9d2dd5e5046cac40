"""Half precision: float16 values wait to be rounded until someone needs them so (docs/adr/0006)."""

from __future__ import annotations

from onnx2rust.builder.layouts import Layouts
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.cast import Cast


class Rounding(Layouts):
    """Steps whose inputs may be float32 values that stand for float16 ones."""

    def __init__(self) -> None:
        super().__init__()
        self._unrounded: dict[Value, Value] = {}
        self._cast: dict[tuple[Value, DType], Value] = {}

    def settled(self, value: Value) -> Value:
        """The value rounded, and with its elements where they belong."""
        return super().settled(self.rounded(value))

    def narrow(self, x: Value) -> Value:
        """x as float16. Nothing is rounded yet: a reader of the float16 value does that (`rounded`), or gets x itself
        (`unrounded`)."""
        if x.array is not None:
            return self.constant(x.array.astype(DType.F16.numpy), x.name)
        y = Value(f"{x.name}.half", TensorType(DType.F16, x.shape))
        self._unrounded[y] = x
        return y

    def waits(self, x: Value) -> bool:
        """Whether x waits to be rounded."""
        return x in self._unrounded

    def unrounded(self, x: Value) -> Value:
        """What a value that waits to be rounded will be made from; any other value is itself."""
        return self._unrounded.get(x, x)

    def rounded(self, x: Value) -> Value:
        """x after its rounding, if it waited for it."""
        return self.cast(self._unrounded[x], DType.F16) if x in self._unrounded else x

    def widen(self, x: Value) -> Value:
        """A float16 value as float32: where it waits to be rounded, what it will be rounded from."""
        if x.array is not None:
            return self.constant(x.array.astype(DType.F32.numpy), x.name)
        return self.cast(self.unrounded(x), DType.F32)

    def cast(self, x: Value, dtype: DType) -> Value:
        """x in another element type, computed once."""
        if x.dtype is dtype:
            return x
        if (x, dtype) not in self._cast:
            self._cast[x, dtype] = self.elementwise(lambda _: Cast(), [x], dtype)
        return self._cast[x, dtype]
