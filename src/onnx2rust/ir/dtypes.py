"""Element types: one row per type says how ONNX, numpy and Rust call it."""

from __future__ import annotations

import enum

import numpy as np
import onnx


class DType(enum.Enum):
    """An element type; the value is (ONNX name, numpy name, Rust type)."""

    BOOL = ("BOOL", "bool", "bool")
    U8 = ("UINT8", "uint8", "u8")
    U16 = ("UINT16", "uint16", "u16")
    U32 = ("UINT32", "uint32", "u32")
    U64 = ("UINT64", "uint64", "u64")
    I8 = ("INT8", "int8", "i8")
    I16 = ("INT16", "int16", "i16")
    I32 = ("INT32", "int32", "i32")
    I64 = ("INT64", "int64", "i64")
    F16 = ("FLOAT16", "float16", "F16")
    F32 = ("FLOAT", "float32", "f32")
    F64 = ("DOUBLE", "float64", "f64")

    @property
    def onnx(self) -> int:
        """The `TensorProto.DataType` code."""
        return int(onnx.TensorProto.DataType.Value(self.value[0]))

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype."""
        return np.dtype(self.value[1])

    @property
    def rust(self) -> str:
        """The Rust type."""
        return self.value[2]

    @property
    def variant(self) -> str:
        """What the enums of element types in tf-layers call it."""
        return self.rust.capitalize()

    @property
    def bytes(self) -> int:
        """Bytes of one element."""
        return int(self.numpy.itemsize)

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point type."""
        return self in (DType.F16, DType.F32, DType.F64)

    @property
    def is_int(self) -> bool:
        """Whether it is an integer type (bool is not)."""
        return not self.is_float and self is not DType.BOOL

    @property
    def tolerance(self) -> tuple[float, float]:
        """(rtol, atol): results of this type may differ by |a − b| ≤ rtol·|b| + atol·max|b|. Halves are 2⁻¹¹ ≈ 5e-4 apart: a few
        roundings. What is no floating-point number must be equal."""
        return _TOLERANCES.get(self, (0.0, 0.0))

    @property
    def sharp_tolerance(self) -> tuple[float, float]:
        """The same where the model was evaluated in float64 too, before that evaluation says how
        far it is off: the error of sums of some thousand terms, and of a few roundings to float16."""
        return _SHARP.get(self, (5e-6, 5e-6))

    def __str__(self) -> str:
        return self.value[1]


_SHARP = {DType.F16: (2e-3, 5e-4), DType.F64: (1e-12, 1e-12)}
_TOLERANCES = {DType.F16: (1e-2, 2e-3), DType.F32: (1e-4, 1e-5), DType.F64: (1e-10, 1e-11)}
_FROM_ONNX = {t.onnx: t for t in DType}
_FROM_NUMPY = {t.numpy: t for t in DType}


def from_onnx(code: int) -> DType | None:
    """The type of an ONNX code, None if there is none here (string, bfloat16, complex, 4- and 8-bit floats…)."""
    return _FROM_ONNX.get(code)


def from_numpy(dtype: np.dtype[np.generic]) -> DType | None:
    """The type of a numpy dtype, None if there is none here."""
    return _FROM_NUMPY.get(dtype)
