# mypy: disable-error-code="misc"
# TensorFlow has no types: what is made of its classes and decorators has none.
"""Small Keras models, one per layer form: what users build, each with random weights, each tiny.

`CASES` is a plain list; a case's `build()` makes a fresh model (call `keras.utils.set_random_seed` first), `refusal` is a
word the error must hold where ONNX cannot express the model. Inputs are drawn by `draw`, from the ranges a case states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as L
from keras import ops

Tensors = list[Any]


@dataclass(frozen=True)
class Case:
    """One model: how to build it, what to feed it, whether it must be refused (then: a word of the message)."""

    name: str
    build: Callable[[], keras.Model]
    low: float = -2.0
    high: float = 2.0
    refusal: str = ""
    tolerance: float = 2e-5
    words: tuple[str, ...] = ()


CASES: list[Case] = []


def _add(name: str, build: Callable[[], keras.Model], **options: Any) -> None:
    CASES.append(Case(name, build, **options))


def _input(shape: Any, dtype: str = "float32", name: str | None = None) -> Any:
    return keras.Input(shape, dtype=dtype, name=name)


def _one(name: str, shape: Any, layer: Callable[[], Any], dtype: str = "float32", **options: Any) -> None:
    """A model of one layer (made by `layer()`: random weights belong to the build)."""

    def build() -> keras.Model:
        x = _input(shape, dtype)
        return keras.Model(x, layer()(x))

    _add(name, build, **options)


def _fn(name: str, shape: Any, function: Callable[[Any], Any], dtype: str = "float32", **options: Any) -> None:
    """A model around a `keras.ops` expression."""

    def build() -> keras.Model:
        x = _input(shape, dtype)
        return keras.Model(x, function(x))

    _add(name, build, **options)


def _many(name: str, shapes: list[Any], function: Callable[..., Any], **options: Any) -> None:
    """A model with several inputs."""

    def build() -> keras.Model:
        xs = [_input(shape, name=f"in{i}") for i, shape in enumerate(shapes)]
        return keras.Model(xs, function(*xs))

    _add(name, build, **options)


def draw(case: Case, model: keras.Model, batch: int, unknown: int, seed: int) -> list[np.ndarray[Any, Any]]:
    """Random inputs for `model`: `batch` rows, `unknown` for every other unknown size."""
    rng = np.random.default_rng(seed)
    values = []
    for tensor in model.inputs:
        shape = [batch, *(unknown if d is None else d for d in tensor.shape[1:])]
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if dtype == "string":
            values.append(rng.choice(np.array(case.words, dtype=object), size=shape))
        elif dtype == "bool":
            values.append(rng.random(shape) < 0.5)
        elif dtype.startswith(("int", "uint")):
            values.append(rng.integers(int(case.low), int(case.high), size=shape).astype(dtype))
        else:
            drawn = rng.uniform(case.low, case.high, size=shape)
            values.append(drawn.astype("float32" if dtype == "bfloat16" else dtype))
    return values


def _inputs() -> None:
    for dtype in ("float32", "float16"):
        _one(f"input_{dtype}_dense", (4,), lambda: L.Dense(3), dtype)
    for dtype in ("int32", "int64"):
        _one(f"input_{dtype}_embedding", (5,), lambda: L.Embedding(7, 3), dtype, low=0, high=7)

    def lookup() -> keras.Model:
        x = _input((3,), "string")
        y = L.StringLookup(vocabulary=["a", "b", "c"])(x)
        return keras.Model(x, L.Embedding(5, 2)(y))

    _add("input_string_embedding", lookup, words=("a", "b", "c", "zz"))

    def masked() -> keras.Model:
        x = _input((5,), "int32")
        return keras.Model(x, L.GlobalAveragePooling1D()(L.Embedding(7, 3, mask_zero=True)(x)))

    _add("embedding_mask_zero_pooling", masked, low=0, high=7)


def _merging() -> None:
    for layer in (L.Multiply, L.Add, L.Subtract, L.Average, L.Maximum, L.Minimum):
        _many(f"merge_{layer.__name__.lower()}", [(4,), (4,)], lambda a, b, layer=layer: layer()([a, b]))
    _many("merge_multiply_broadcast", [(3, 1), (3, 4)], lambda a, b: L.Multiply()([a, b]))
    _many("concatenate_axis_1", [(2, 4), (3, 4)], lambda a, b: L.Concatenate(axis=1)([a, b]))
    _many("concatenate_last", [(2, 4), (2, 5)], lambda a, b: L.Concatenate(axis=-1)([a, b]))
    _many("dot", [(4,), (4,)], lambda a, b: L.Dot(axes=1)([a, b]))
    _many("dot_rank_3", [(3, 4), (5, 4)], lambda a, b: L.Dot(axes=2, normalize=True)([a, b]))


def _shapes() -> None:
    _one("reshape", (6,), lambda: L.Reshape((2, 3)))
    _one("reshape_minus_one", (6,), lambda: L.Reshape((-1, 2)))
    _one("flatten", (2, 3), L.Flatten)
    _one("permute", (2, 3, 4), lambda: L.Permute((3, 1, 2)))
    _one("repeat_vector", (3,), lambda: L.RepeatVector(4))
    for rank, shape in ((1, (5, 2)), (2, (5, 6, 2)), (3, (4, 5, 4, 2))):
        for kind in ("ZeroPadding", "Cropping", "UpSampling"):
            layer = getattr(L, f"{kind}{rank}D")
            _one(f"{kind.lower()}{rank}d", shape, layer)
    _one("zeropadding2d_uneven", (5, 6, 2), lambda: L.ZeroPadding2D(((1, 2), (0, 3))))
    _one("upsampling2d_bilinear", (5, 6, 2), lambda: L.UpSampling2D(2, interpolation="bilinear"))


def _convolutions() -> None:
    options: dict[str, Any]
    for padding in ("valid", "same", "causal"):
        for label, options in (
            ("plain", {}),
            ("stride_2", {"strides": 2}),
            ("dilation_3", {"dilation_rate": 3}),
            ("groups_2", {"groups": 2}),
            ("no_bias", {"use_bias": False}),
        ):
            _one(
                f"conv1d_{padding}_{label}",
                (9, 4),
                lambda p=padding, o=options: L.Conv1D(6, 3, padding=p, **o),
            )
        _one(f"conv1d_{padding}_unknown_length", (None, 4), lambda p=padding: L.Conv1D(6, 3, padding=p))
    for label, options in (
        ("valid", {}),
        ("same", {"padding": "same"}),
        ("stride_2", {"strides": 2, "padding": "same"}),
        ("dilation_2", {"dilation_rate": 2}),
        ("groups_3", {"groups": 3, "padding": "same"}),
    ):
        _one(f"conv2d_{label}", (8, 7, 3), lambda o=options: L.Conv2D(6, 3, **o))
        _one(f"conv2d_{label}_relu", (8, 7, 3), lambda o=options: L.Conv2D(6, 3, activation="relu", **o))
    _one("conv2d_unknown_size", (None, None, 3), lambda: L.Conv2D(4, 3, padding="same"))
    _one(
        "conv2d_channels_first", (3, 8, 7),
        lambda: keras.Sequential([L.Permute((2, 3, 1)), L.Conv2D(4, 3), L.Permute((3, 1, 2))]),
    )  # fmt: skip
    _one("conv3d", (4, 5, 4, 2), lambda: L.Conv3D(3, 2))
    _one("conv3d_same_stride_2", (4, 5, 4, 2), lambda: L.Conv3D(3, 3, strides=2, padding="same"))
    for rank, shape in ((1, (5, 3)), (2, (5, 4, 3)), (3, (3, 4, 3, 2))):
        layer = getattr(L, f"Conv{rank}DTranspose")
        _one(f"conv{rank}d_transpose_valid", shape, lambda layer=layer: layer(2, 3, strides=2))
        _one(f"conv{rank}d_transpose_same", shape, lambda layer=layer: layer(2, 3, strides=2, padding="same"))
    for rank, shape in ((1, (9, 3)), (2, (8, 7, 3))):
        depthwise = getattr(L, f"DepthwiseConv{rank}D")
        separable = getattr(L, f"SeparableConv{rank}D")
        _one(f"depthwise{rank}d", shape, lambda d=depthwise: d(3, padding="same"))
        _one(f"depthwise{rank}d_multiplier_2", shape, lambda d=depthwise: d(3, depth_multiplier=2))
        _one(f"depthwise{rank}d_dilation_2", shape, lambda d=depthwise: d(3, dilation_rate=2))
        _one(f"depthwise{rank}d_stride_2", shape, lambda d=depthwise: d(3, strides=2, padding="same"))
        _one(f"separable{rank}d", shape, lambda s=separable: s(4, 3, padding="same"))
        _one(f"separable{rank}d_multiplier_2", shape, lambda s=separable: s(4, 3, depth_multiplier=2))
    _one("convlstm1d", (3, 5, 2), lambda: L.ConvLSTM1D(2, 3, padding="same"))
    _one("convlstm2d", (3, 4, 4, 2), lambda: L.ConvLSTM2D(2, 3, padding="same", return_sequences=True))


def _pooling() -> None:
    for rank, shape in ((1, (7, 2)), (2, (7, 6, 2)), (3, (5, 4, 5, 2))):
        for kind in ("Max", "Average"):
            for padding in ("valid", "same"):
                layer = getattr(L, f"{kind}Pooling{rank}D")
                _one(
                    f"{kind.lower()}_pooling{rank}d_{padding}", shape,
                    lambda layer=layer, p=padding: layer(2, strides=2, padding=p),
                )  # fmt: skip
            _one(f"global_{kind.lower()}_pooling{rank}d", shape, getattr(L, f"Global{kind}Pooling{rank}D"))
    _one("max_pooling2d_overlapping", (7, 6, 2), lambda: L.MaxPooling2D(3, strides=1, padding="same"))
    _one("average_pooling2d_overlapping", (7, 6, 2), lambda: L.AveragePooling2D(3, strides=2, padding="same"))


def _dense() -> None:
    for shape in ((4,), (3, 4), (2, 3, 4)):
        _one(f"dense_rank_{len(shape) + 1}", shape, lambda: L.Dense(5))
    _one("dense_unknown_length", (None, 4), lambda: L.Dense(5))
    _one("dense_no_bias", (4,), lambda: L.Dense(5, use_bias=False))
    _one("einsum_dense", (3, 4), lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d"))
    _one("einsum_dense_heads", (3, 4), lambda: L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3)))


def _random_state(layer: Any) -> Any:
    """A normalisation with statistics that are not those of an untrained layer."""
    return layer(
        beta_initializer="random_normal",
        gamma_initializer=keras.initializers.RandomUniform(0.5, 1.5),
        moving_mean_initializer="random_normal",
        moving_variance_initializer=keras.initializers.RandomUniform(0.5, 1.5),
    )


def _normalization() -> None:
    for shape in ((4,), (3, 4), (5, 4, 3)):
        _one(f"batch_normalization_rank_{len(shape) + 1}", shape, lambda: _random_state(L.BatchNormalization))
    _one("batch_normalization_axis_1", (3, 4), lambda: L.BatchNormalization(axis=1))
    _one("batch_normalization_no_scale", (4,), lambda: L.BatchNormalization(scale=False, center=False))
    _add(
        "conv2d_batch_normalization_relu",
        lambda: keras.Sequential([_input((6, 6, 3)), L.Conv2D(4, 3), _random_state(L.BatchNormalization), L.ReLU()]),
    )
    _add(
        "dense_batch_normalization",
        lambda: keras.Sequential([_input((4,)), L.Dense(5), _random_state(L.BatchNormalization)]),
    )
    _one("layer_normalization", (3, 4), L.LayerNormalization)
    _one("layer_normalization_axes", (3, 4, 2), lambda: L.LayerNormalization(axis=[1, 2]))
    _one("layer_normalization_rank_2", (6,), L.LayerNormalization)
    _one("group_normalization", (4, 5, 6), lambda: L.GroupNormalization(3))
    _one("unit_normalization", (5,), L.UnitNormalization)
    _one("rms_normalization", (3, 4), L.RMSNormalization)
    _one("spectral_normalization", (4,), lambda: L.SpectralNormalization(L.Dense(3)))
    _one("normalization", (3,), lambda: L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5]))
    _one("normalization_invert", (3,), lambda: L.Normalization(mean=0.5, variance=2.0, invert=True))
    _one("rescaling", (4, 4, 3), lambda: L.Rescaling(1 / 127.5, offset=-1.0), low=0, high=255)
    _one("dropout", (4,), lambda: L.Dropout(0.5))
    _one("spatial_dropout", (4, 4, 3), lambda: L.SpatialDropout2D(0.5))
    _one("gaussian_noise", (4,), lambda: L.GaussianNoise(0.5))
    _one("random_flip", (4, 4, 3), lambda: L.RandomFlip("horizontal", seed=1))


def _activations() -> None:
    for name in [
        "linear",
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "sigmoid",
        "hard_sigmoid",
        "log_sigmoid",
        "sparse_sigmoid",
        "softmax",
        "log_softmax",
        "softplus",
        "softsign",
        "silu",
        "hard_silu",
        "mish",
        "glu",
        "tanh",
        "hard_tanh",
        "tanh_shrink",
        "hard_shrink",
        "soft_shrink",
        "squareplus",
        "sparse_plus",
        "sparsemax",
        "threshold",
        "exponential",
    ]:
        if name == "threshold":
            _fn(
                "activation_threshold",
                (3, 6),
                lambda x: keras.activations.threshold(x, 0.5, 0.1),
                low=-4,
                high=4,
            )
            continue
        _one(f"activation_{name}", (3, 6), lambda name=name: L.Activation(name), low=-4, high=4)
    _one("swish", (6,), lambda: L.Activation("swish"))
    _fn("gelu_tanh", (6,), lambda x: ops.gelu(x, approximate=True))
    _fn("gelu_exact", (6,), lambda x: ops.gelu(x, approximate=False))
    _one("relu_full", (6,), lambda: L.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.3))
    _one("leaky_relu_layer", (6,), lambda: L.LeakyReLU(negative_slope=0.2))
    _one("prelu", (4, 4, 3), lambda: L.PReLU(alpha_initializer="random_normal"))
    _one("prelu_shared", (4, 4, 3), lambda: L.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2]))
    _one("elu_layer", (6,), lambda: L.ELU(alpha=0.7))
    _one("softmax_axis_1", (3, 4), lambda: L.Softmax(axis=1))
    _one("dense_softmax", (4,), lambda: L.Dense(3, activation="softmax"))


def _recurrent() -> None:
    for layer in (L.LSTM, L.GRU, L.SimpleRNN):
        name = layer.__name__.lower()
        _one(f"{name}_last", (4, 3), lambda layer=layer: layer(5))
        _one(f"{name}_sequences", (4, 3), lambda layer=layer: layer(5, return_sequences=True))
        _one(f"{name}_unknown_length", (None, 3), lambda layer=layer: layer(5, return_sequences=True))
        _one(f"{name}_unrolled", (3, 3), lambda layer=layer: layer(4, unroll=True))
        _one(f"{name}_backwards", (4, 3), lambda layer=layer: layer(5, go_backwards=True))
        _one(
            f"{name}_bidirectional",
            (4, 3),
            lambda layer=layer: L.Bidirectional(layer(4, return_sequences=True)),
        )

        def masked(layer: Any = layer) -> keras.Model:
            x = _input((4,), "int32")
            return keras.Model(x, layer(4)(L.Embedding(6, 3, mask_zero=True)(x)))

        _add(f"{name}_masked", masked, low=0, high=3)

    def states() -> keras.Model:
        x = _input((4, 3), name="x")
        h, c = _input((5,), name="h"), _input((5,), name="c")
        return keras.Model([x, h, c], L.LSTM(5, return_state=True)(x, initial_state=[h, c]))

    _add("lstm_states", states)
    _add(
        "lstm_two_stacked",
        lambda: keras.Sequential([_input((4, 3)), L.LSTM(5, return_sequences=True), L.LSTM(4)]),
    )
    _one("lstm_hard_sigmoid", (4, 3), lambda: L.LSTM(5, recurrent_activation="hard_sigmoid"))
    _one("gru_reset_before", (4, 3), lambda: L.GRU(5, reset_after=False))
    _add(
        "bidirectional_lstm_dense",
        lambda: keras.Sequential([_input((4, 3)), L.Bidirectional(L.LSTM(4)), L.Dense(2)]),
    )


def _attention() -> None:
    _many("multi_head_attention", [(3, 4), (5, 4)], lambda q, v: L.MultiHeadAttention(2, 3)(q, v))
    _fn(
        "multi_head_attention_causal",
        (4, 6),
        lambda x: L.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True),
    )
    _fn("multi_head_attention_unknown_length", (None, 6), lambda x: L.MultiHeadAttention(2, 3)(x, x))
    _many("group_query_attention", [(3, 8), (5, 8)], lambda q, v: L.GroupQueryAttention(4, 4, 2)(q, v))
    _many("attention", [(3, 4), (5, 4)], lambda q, v: L.Attention(use_scale=True)([q, v]))
    _many("additive_attention", [(3, 4), (5, 4)], lambda q, v: L.AdditiveAttention()([q, v]))

    def transformer_block() -> keras.Model:
        x = _input((4, 6))
        y = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 3)(x, x)]))
        z = L.Dense(6)(L.Dense(12, activation="gelu")(y))
        return keras.Model(x, L.LayerNormalization()(L.Add()([y, z])))

    _add("transformer_block", transformer_block)
    _one("time_distributed_dense", (3, 4), lambda: L.TimeDistributed(L.Dense(5)))
    _one("time_distributed_conv2d", (3, 6, 5, 2), lambda: L.TimeDistributed(L.Conv2D(3, 3)))
    _one("masking", (3, 4), L.Masking)


def _preprocessing() -> None:
    _one("resizing_bilinear", (6, 5, 2), lambda: L.Resizing(4, 7))
    _one("resizing_nearest", (6, 5, 2), lambda: L.Resizing(4, 7, interpolation="nearest"))
    _one("resizing_crop", (6, 5, 2), lambda: L.Resizing(4, 4, crop_to_aspect_ratio=True))
    # TensorFlow rounds the weights of the cubic kernel to a table of 1024 entries; ONNX computes them.
    _one("resizing_bicubic", (6, 5, 2), lambda: L.Resizing(9, 7, interpolation="bicubic"), tolerance=5e-3)
    _one("upsampling2d_bicubic", (4, 5, 2), lambda: L.UpSampling2D(2, interpolation="bicubic"))
    _one("resizing_area", (6, 5, 2), lambda: L.Resizing(4, 7, interpolation="area"), refusal="ResizeArea")
    _one("center_crop", (6, 5, 2), lambda: L.CenterCrop(4, 3))
    _one("discretization", (4,), lambda: L.Discretization(bin_boundaries=[-1.0, 0.0, 1.0]))
    for mode in ("multi_hot", "one_hot"):
        _one(
            f"category_encoding_{mode}", (3,) if mode == "multi_hot" else (1,),
            lambda mode=mode: L.CategoryEncoding(num_tokens=5, output_mode=mode), "int32", low=0, high=5,
        )  # fmt: skip
    _one("integer_lookup", (3,), lambda: L.IntegerLookup(vocabulary=[3, 5, 8]), "int64", low=0, high=10)
    _one("string_lookup", (3,), lambda: L.StringLookup(vocabulary=["a", "b"]), "string", words=("a", "b", "q"))
    _one("hashing", (3,), lambda: L.Hashing(num_bins=4), "int32", low=0, high=9, refusal="StringToHash")
    _one(
        "text_vectorization", (1,), lambda: L.TextVectorization(vocabulary=["hello", "world"]), "string",
        words=("hello world", "world"), refusal="StaticRegexReplace|StringSplit|StringLower",
    )  # fmt: skip


@keras.saving.register_keras_serializable("zoo")
class Apply(L.Layer):
    """A layer around one of `FUNCTIONS`, for what Keras cannot express with symbolic tensors: this file is its own source."""

    def __init__(self, function: str, **options: Any) -> None:
        super().__init__(**options)
        self.function = function

    def call(self, x: Any) -> Any:
        return FUNCTIONS[self.function](x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "function": self.function}


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "segment_sum": lambda x: ops.transpose(ops.segment_sum(ops.transpose(x), ops.convert_to_tensor([0, 0, 1, 2]), 3)),
    "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1),
    "while_loop": lambda x: ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2), (ops.convert_to_tensor(0), x))[1],
    "scan": lambda x: ops.scan(lambda c, v: (c + v, c), x[:, 0], ops.transpose(x, (1, 0, 2)))[0],
    "signbit": ops.signbit,
    "any": lambda x: ops.any(x > 1.5, axis=-1),
}


def _elementwise_ops() -> None:
    for name in [
        "abs",
        "exp",
        "square",
        "sin",
        "cos",
        "tan",
        "erf",
        "floor",
        "round",
        "sign",
        "expm1",
        "sinh",
        "cosh",
        "arcsinh",
        "arctan",
    ]:
        _fn(f"ops_{name}", (5,), getattr(ops, name))
    for name in ["log", "log1p", "sqrt", "rsqrt", "log2", "log10", "reciprocal"]:
        _fn(f"ops_{name}", (5,), getattr(ops, name), low=0.01, high=3)
    _fn("ops_log1p_near_zero", (5,), ops.log1p, low=-1e-6, high=1e-6, tolerance=1e-12)
    _fn("ops_expm1_near_zero", (5,), ops.expm1, low=-1e-6, high=1e-6, tolerance=1e-12)
    _fn("ops_clip", (5,), lambda x: ops.clip(x, -0.5, 0.5))
    _fn("ops_logical", (5,), lambda x: ops.logical_and(x > 0, ops.logical_not(x > 1)))
    _fn("ops_isnan", (5,), lambda x: ops.isnan(x / x))
    _fn("ops_cast", (5,), lambda x: ops.cast(x, "int32"))
    _fn("ops_where", (5,), lambda x: ops.where(x > 0, x, x * 0.1))
    _many("ops_maximum", [(4,), (4,)], lambda a, b: ops.maximum(a, b))
    _many("ops_pow", [(4,), (4,)], lambda a, b: ops.power(a, b), low=0.1, high=2)
    _many("ops_floor_divide", [(4,), (4,)], lambda a, b: ops.floor_divide(a, b), low=0.5, high=4)
    _many("ops_mod", [(4,), (4,)], lambda a, b: ops.mod(a, b), low=0.5, high=4)
    _many("ops_matmul", [(3, 4), (4, 2)], lambda a, b: ops.matmul(a, b))
    _many("ops_einsum", [(3, 4), (5, 4)], lambda a, b: ops.einsum("bij,bkj->bik", a, b))


def _array_ops() -> None:
    for name in ["max", "min", "sum", "prod", "var", "std", "mean", "logsumexp", "norm"]:
        _fn(f"ops_{name}", (3, 4), lambda x, name=name: getattr(ops, name)(x, axis=-1))
    _fn("ops_argmax", (5,), lambda x: ops.argmax(x, axis=-1))
    _fn("ops_argmin", (5,), lambda x: ops.argmin(x, axis=-1))
    _fn("ops_argsort", (5,), lambda x: ops.argsort(x, axis=-1))
    _fn("ops_top_k", (6,), lambda x: ops.top_k(x, 3)[0])
    _fn("ops_cumsum", (5,), lambda x: ops.cumsum(x, axis=1))
    _fn("ops_sort", (5,), lambda x: ops.sort(x, axis=-1))
    _fn("ops_slice", (6, 4), lambda x: x[:, 1:5:2, 1:])
    _fn("ops_slice_reversed", (6,), lambda x: x[:, ::-1])
    _fn("ops_slice_new_axis", (6,), lambda x: x[:, None, 2])
    _fn("ops_split", (6,), lambda x: ops.split(x, 3, axis=-1))
    _many("ops_stack", [(4,), (4,)], lambda a, b: ops.stack([a, b], axis=1))
    _fn("ops_tile", (3,), lambda x: ops.tile(x, (1, 2)))
    _fn("ops_expand_dims", (3,), lambda x: ops.expand_dims(x, 1))
    _fn("ops_squeeze", (1, 3), lambda x: ops.squeeze(x, 1))
    _fn("ops_transpose", (2, 3), lambda x: ops.transpose(x, (0, 2, 1)))
    _fn("ops_pad_constant", (4,), lambda x: ops.pad(x, ((0, 0), (1, 2)), constant_values=0.5))
    _fn("ops_pad_reflect", (4,), lambda x: ops.pad(x, ((0, 0), (1, 2)), mode="reflect"))
    _fn("ops_roll", (5,), lambda x: ops.roll(x, 2, axis=1))
    _fn("ops_flip", (5,), lambda x: ops.flip(x, axis=1))
    _fn("ops_one_hot", (3,), lambda x: ops.one_hot(x, 5), "int32", low=0, high=5)
    _many("ops_take", [(4, 3)], lambda a: ops.take(a, [2, 0, 1], axis=1))
    _fn("ops_take_along_axis", (4,), lambda x: ops.take_along_axis(x, ops.argsort(x, axis=-1), axis=1))
    _fn("ops_tril", (4, 4), lambda x: ops.tril(x))
    _fn("ops_repeat", (3,), lambda x: ops.repeat(x, 2, axis=1))
    _fn("ops_gather_nd", (4, 3), lambda x: ops.take(ops.take(x, 1, axis=1), [0, 2], axis=-1))
    for name in ("any", "segment_sum", "cond", "while_loop", "signbit"):
        _one(f"ops_{name}", (4,), lambda name=name: Apply(name))
    _one("ops_scan", (4, 3), lambda: Apply("scan"), refusal="scan output")


def _beyond_onnx() -> None:
    _fn("ops_fft", (8,), lambda x: ops.fft((x, x))[0], refusal="FFT")
    _fn("ops_rfft", (8,), lambda x: ops.rfft(x)[0], refusal="RFFT")
    _fn("ops_stft", (32,), lambda x: ops.stft(x, 8, 4, 8)[0], refusal="RFFT")
    _one(
        "mel_spectrogram", (64,), lambda: L.MelSpectrogram(fft_length=16, sequence_stride=8, sampling_rate=100, min_freq=1),
        refusal="RFFT",
    )  # fmt: skip
    _fn("ops_svd", (3, 3), lambda x: ops.svd(x)[1], refusal="Svd")
    _fn("ops_inv", (3, 3), lambda x: ops.inv(x), refusal="MatrixInverse")
    _fn(
        "ops_cholesky",
        (3, 3),
        lambda x: ops.cholesky(ops.matmul(x, ops.transpose(x, (0, 2, 1)))),
        refusal="Cholesky",
    )


def _precision() -> None:
    for policy, tolerance in (("float16", 4e-3), ("mixed_float16", 4e-3), ("float64", 1e-9)):

        def build(policy: str = policy) -> keras.Model:
            dtype = "float32" if policy == "mixed_float16" else policy
            x = _input((4,), dtype)
            return keras.Model(x, L.Dense(3, dtype=policy)(L.Dense(5, activation="tanh", dtype=policy)(x)))

        _add(f"precision_{policy}", build, tolerance=tolerance)

    def bfloat16() -> keras.Model:
        x = _input((4,))
        return keras.Model(x, L.Dense(3, dtype="bfloat16")(x))

    _add("precision_bfloat16", bfloat16, refusal="bfloat16")

    def quantized() -> keras.Model:
        model = keras.Sequential([_input((4,)), L.Dense(3)])
        model.quantize("int8")
        return model

    _add("precision_int8_dense", quantized, tolerance=2e-2)


def _open_sizes() -> None:
    """Images and sequences of any size, where strides make pads depend on it."""
    image = (None, None, 3)
    for k, step in ((3, 2), (2, 2), (5, 3), (1, 2)):
        _one(f"open_conv2d_{k}_{step}", image, lambda k=k, step=step: L.Conv2D(4, k, strides=step, padding="same"))
    _one("open_depthwise", image, lambda: L.DepthwiseConv2D(3, strides=2, padding="same"))
    _one("open_separable", image, lambda: L.SeparableConv2D(4, 3, strides=2, padding="same"))
    _one("open_conv1d", (None, 6), lambda: L.Conv1D(4, 4, strides=2, padding="same"))
    _one("open_conv3d", (None, None, None, 2), lambda: L.Conv3D(3, 3, strides=2, padding="same"))
    _one("open_transpose", image, lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same"))
    for pool in (L.MaxPooling2D, L.AveragePooling2D):
        _one(f"open_{pool.__name__.lower()}", image, lambda pool=pool: pool(3, strides=2, padding="same"))

    def tower() -> keras.Model:
        x = image_in = _input(image)
        for channels in (8, 16):
            x = L.Conv2D(channels, 3, strides=2, padding="same", use_bias=False)(x)
            x = L.BatchNormalization()(x)
            x = L.Activation("hard_silu")(x)
            x = L.ZeroPadding2D(((0, 1), (0, 1)))(L.DepthwiseConv2D(3, padding="same")(x))
        return keras.Model(image_in, L.Dense(3)(L.GlobalAveragePooling2D()(x)))

    _add("open_tower", tower)

    def hard_swish() -> keras.Model:  # a single number is added behind a convolution without bias
        x = _input(image)
        y = L.Conv2D(4, 1, use_bias=False)(x)
        return keras.Model(x, y * L.Rescaling(1 / 6)(L.ReLU(6.0)(y + 3.0)))

    _add("open_hard_swish", hard_swish)

    def frames() -> keras.Model:
        x = _input((None, 12))
        y = L.UpSampling1D(2)(L.AveragePooling1D(2, padding="same")(L.Conv1D(8, 5, strides=2, padding="same")(x)))
        return keras.Model(x, L.Dense(5)(y))

    _add("open_frames", frames)
    # Keras takes the number of samples for the number of steps when it traces this
    _one(
        "open_time_distributed",
        (None, 4),
        lambda: L.TimeDistributed(L.Dense(5)),
        refusal="TimeDistributed over an axis of open size",
    )


for _family in (
    _inputs, _merging, _shapes, _convolutions, _pooling, _dense, _normalization, _activations, _recurrent,
    _attention, _preprocessing, _elementwise_ops, _array_ops, _beyond_onnx, _precision, _open_sizes,
):  # fmt: skip
    _family()
