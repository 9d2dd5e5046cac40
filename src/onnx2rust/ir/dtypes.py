"""Element types: one row per type says how ONNX, numpy, Rust and `.npz` files call it, and what a number of it may be off."""

from __future__ import annotations

import enum

import ml_dtypes
import numpy as np
import onnx


class DType(enum.Enum):
    """An element type. A member's row says, in the order of `__init__`, what is known of it."""

    BOOL = "BOOL", np.bool_, "bool", "Bool", 8
    U8 = "UINT8", np.uint8, "u8", "U8", 8
    U16 = "UINT16", np.uint16, "u16", "U16", 16
    U32 = "UINT32", np.uint32, "u32", "U32", 32
    U64 = "UINT64", np.uint64, "u64", "U64", 64
    I8 = "INT8", np.int8, "i8", "I8", 8
    I16 = "INT16", np.int16, "i16", "I16", 16
    I32 = "INT32", np.int32, "i32", "I32", 32
    I64 = "INT64", np.int64, "i64", "I64", 64
    F16 = "FLOAT16", np.float16, "F16", "F16", 16, (1e-2, 2e-3), (2e-3, 5e-4)
    F32 = "FLOAT", np.float32, "f32", "F32", 32, (1e-4, 1e-5), (5e-6, 5e-6)
    F64 = "DOUBLE", np.float64, "f64", "F64", 64, (1e-10, 1e-11), (1e-12, 1e-12)
    STRING = "STRING", np.str_, "String", "Text", 192
    U4 = "UINT4", ml_dtypes.uint4, "", "", 4
    I4 = "INT4", ml_dtypes.int4, "", "", 4
    BF16 = "BFLOAT16", ml_dtypes.bfloat16, "", "", 16, (4e-2, 1e-2), (4e-2, 1e-2)

    def __init__(
        self,
        onnx_name: str,
        numpy: type[np.generic],
        rust: str,
        variant: str,
        bits: int,
        tolerance: tuple[float, float] = (0.0, 0.0),
        sharp_tolerance: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.onnx = int(onnx.TensorProto.DataType.Value(onnx_name))
        """The `TensorProto.DataType` code."""
        self.onnx_name = onnx_name
        """The name of that code: `FLOAT`."""
        self.spelling = f"tensor({onnx_name.lower()})"
        """What schemas call a tensor of it: `tensor(float)`."""
        self.numpy: np.dtype[np.generic] = np.dtype(numpy)
        """What holds it in Python (numpy's own types, and those of ml_dtypes)."""
        self.rust = rust
        """What it is in generated code; empty where no layer takes it: a model with such values is refused."""
        self.is_known = bool(rust)
        """Whether generated code can hold values of it."""
        self.variant = variant
        """What the enums of element types in tf-layers call it; empty where no file holds it."""
        self.bits = bits
        """Bits of one element in memory; a 4-bit one has half a byte. Of a string: those beside its characters."""
        self.tolerance = tolerance
        """(rtol, atol): results of this type may differ by |a − b| ≤ rtol·|b| + atol·max|b|. Halves are 2⁻¹¹ ≈ 5e-4 apart: a few
        roundings. What is no floating-point number must be equal."""
        self.sharp_tolerance = sharp_tolerance
        """The same where the model was evaluated in float64 too, before that evaluation says how
        far it is off: the error of sums of some thousand terms, and of a few roundings to float16."""

    @property
    def zero(self) -> str:
        """An element, as Rust writes it."""
        special = {DType.BOOL: "false", DType.F16: "F16(0)", DType.STRING: "String::new()"}
        return special.get(self, "0.0" if self.is_float else f"0_{self.rust}")

    def bytes(self, elements: int) -> int:
        """What so many elements take."""
        return -(-elements * self.bits // 8)

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point type."""
        return self in (DType.F16, DType.F32, DType.F64, DType.BF16)

    @property
    def is_int(self) -> bool:
        """Whether it is an integer type (bool is not)."""
        return not self.is_float and self not in (DType.BOOL, DType.STRING)

    def __str__(self) -> str:
        return "string" if self is DType.STRING else str(self.numpy)


_FROM_ONNX = {t.onnx: t for t in DType if t.is_known}
_FROM_NUMPY = {t.numpy: t for t in DType}


def from_onnx(code: int) -> DType | None:
    """The type of an ONNX code, None if generated code cannot hold it (bfloat16, complex numbers, 4- and 8-bit floats…)."""
    return _FROM_ONNX.get(code)


def from_numpy(dtype: np.dtype[np.generic]) -> DType | None:
    """The type of a numpy dtype, None if there is none here. Python's strings come as objects, or with a length."""
    return DType.STRING if dtype.kind in "OU" else _FROM_NUMPY.get(dtype)


def known() -> str:
    """The types that generated code can hold, as ONNX calls them."""
    return ", ".join(t.onnx_name for t in DType if t.is_known)
