"""Element types: one row per type says how ONNX, numpy, Rust and `.npz` files call it, and what a number of it may be off."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import onnx


@dataclass(frozen=True)
class Row:
    """What is known of an element type."""

    onnx: str
    """Its name in `TensorProto.DataType`."""
    numpy: np.dtype[np.generic]
    """What holds it in Python (numpy's own types, and those of ml_dtypes)."""
    rust: str
    """What it is in generated code; empty where no layer takes it: a model with such values is refused."""
    npz: str
    """The variant of `tf_layers::signature::Dtype` that holds it in a file; empty if none does."""
    bits: int
    """Of one element in memory; a 4-bit one has half a byte. Of a string: those beside its characters."""
    tolerance: tuple[float, float] = (0.0, 0.0)
    sharp: tuple[float, float] = (0.0, 0.0)


class DType(enum.Enum):
    """An element type; the value is its row."""

    BOOL = Row("BOOL", np.dtype(np.bool_), "bool", "Bool", 8)
    U8 = Row("UINT8", np.dtype(np.uint8), "u8", "U8", 8)
    U16 = Row("UINT16", np.dtype(np.uint16), "u16", "U16", 16)
    U32 = Row("UINT32", np.dtype(np.uint32), "u32", "U32", 32)
    U64 = Row("UINT64", np.dtype(np.uint64), "u64", "U64", 64)
    I8 = Row("INT8", np.dtype(np.int8), "i8", "I8", 8)
    I16 = Row("INT16", np.dtype(np.int16), "i16", "I16", 16)
    I32 = Row("INT32", np.dtype(np.int32), "i32", "I32", 32)
    I64 = Row("INT64", np.dtype(np.int64), "i64", "I64", 64)
    F16 = Row("FLOAT16", np.dtype(np.float16), "F16", "F16", 16, (1e-2, 2e-3), (2e-3, 5e-4))
    F32 = Row("FLOAT", np.dtype(np.float32), "f32", "F32", 32, (1e-4, 1e-5), (5e-6, 5e-6))
    F64 = Row("DOUBLE", np.dtype(np.float64), "f64", "F64", 64, (1e-10, 1e-11), (1e-12, 1e-12))
    STRING = Row("STRING", np.dtype(np.str_), "String", "Text", 192)
    U4 = Row("UINT4", np.dtype(ml_dtypes.uint4), "", "", 4)
    I4 = Row("INT4", np.dtype(ml_dtypes.int4), "", "", 4)
    BF16 = Row("BFLOAT16", np.dtype(ml_dtypes.bfloat16), "", "", 16, (4e-2, 1e-2), (4e-2, 1e-2))

    @property
    def onnx(self) -> int:
        """The `TensorProto.DataType` code."""
        return int(onnx.TensorProto.DataType.Value(self.value.onnx))

    @property
    def onnx_name(self) -> str:
        """The name of that code: `FLOAT`."""
        return self.value.onnx

    @property
    def spelling(self) -> str:
        """What schemas call a tensor of it: `tensor(float)`."""
        return f"tensor({self.value.onnx.lower()})"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype."""
        return self.value.numpy

    @property
    def rust(self) -> str:
        """The Rust type."""
        return self.value.rust

    @property
    def is_known(self) -> bool:
        """Whether generated code can hold values of it."""
        return bool(self.value.rust)

    @property
    def bits(self) -> int:
        """Bits of one element in memory."""
        return self.value.bits

    @property
    def variant(self) -> str:
        """What the enums of element types in tf-layers call it."""
        return self.value.npz

    @property
    def zero(self) -> str:
        """An element, as Rust writes it."""
        special = {DType.BOOL: "false", DType.F16: "F16(0)", DType.STRING: "String::new()"}
        return special.get(self, "0.0" if self.is_float else f"0_{self.rust}")

    def bytes(self, elements: int) -> int:
        """What so many elements take."""
        return -(-elements * self.value.bits // 8)

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point type."""
        return self in (DType.F16, DType.F32, DType.F64, DType.BF16)

    @property
    def is_int(self) -> bool:
        """Whether it is an integer type (bool is not)."""
        return not self.is_float and self not in (DType.BOOL, DType.STRING)

    @property
    def tolerance(self) -> tuple[float, float]:
        """(rtol, atol): results of this type may differ by |a − b| ≤ rtol·|b| + atol·max|b|. Halves are 2⁻¹¹ ≈ 5e-4 apart: a few
        roundings. What is no floating-point number must be equal."""
        return self.value.tolerance

    @property
    def sharp_tolerance(self) -> tuple[float, float]:
        """The same where the model was evaluated in float64 too, before that evaluation says how
        far it is off: the error of sums of some thousand terms, and of a few roundings to float16."""
        return self.value.sharp

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
