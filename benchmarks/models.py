"""The models that are measured: their definitions, committed; their weights, seeded draws.

Every definition is a function that returns a Keras model. `onnx_files` saves them as SavedModels (in a child process, where
TensorFlow lives), brings them to ONNX through onnx2rust's own frontend and keeps both under `build/benchmarks/`. Weights are what
Keras' initialisers draw from a fixed seed; biases and scales are drawn too (zeros and ones would hide mistakes), and the
statistics of BatchNormalization are those of a batch that went through the model, so that activations keep a sane scale in every
layer.

    python benchmarks/models.py [NAME...]        builds them all, or some, and prints where they are
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks"
SEED = 2024

Builder = Callable[[], Any]


@dataclass(frozen=True)
class Model:
    """A definition; `large` ones take minutes to build and are left out of quick runs. Ids are drawn below `vocabulary`."""

    name: str
    build: Builder
    large: bool = False
    vocabulary: int = 0


MODELS: dict[str, Model] = {}


def model(*, large: bool = False, vocabulary: int = 0) -> Callable[[Builder], Builder]:
    """Registers a definition under its function's name."""

    def register(build: Builder) -> Builder:
        MODELS[build.__name__] = Model(build.__name__, build, large, vocabulary)
        return build

    return register


# -- images ------------------------------------------------------------------------------------------------------------


@model()
def mnist_cnn() -> Any:
    """28×28×1: two convolutions with pooling, ten classes."""
    from keras import Sequential
    from keras import layers as L

    return Sequential(
        [
            L.Input((28, 28, 1)),
            L.Conv2D(32, 3, activation="relu"),
            L.MaxPooling2D(),
            L.Conv2D(64, 3, activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(10, activation="softmax"),
        ]
    )


@model()
def resnet8_cifar10() -> Any:
    """MLPerf Tiny's image classifier: 32×32×3, three residual stages of 16, 32 and 64 channels."""
    import keras
    from keras import layers as L

    def conv(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
        return L.Conv2D(filters, size, strides=strides, padding="same")(x)

    start = L.Input((32, 32, 3))
    x = L.ReLU()(L.BatchNormalization()(conv(start, 16)))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        y = L.ReLU()(L.BatchNormalization()(conv(x, filters, 3, strides)))
        y = L.BatchNormalization()(conv(y, filters))
        shortcut = x if strides == 1 else conv(x, filters, 1, strides)
        x = L.ReLU()(L.Add()([y, shortcut]))
    x = L.Flatten()(L.AveragePooling2D(8)(x))
    return keras.Model(start, L.Dense(10, activation="softmax")(x))


@model()
def mobilenetv1_025_vww() -> Any:
    """MLPerf Tiny's person detector: MobileNet v1, a quarter of its width, 96×96×3, two classes."""
    import keras
    from keras import layers as L

    start = x = L.Input((96, 96, 3))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)))
    for filters, strides in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)):
        x = L.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = L.ReLU()(L.BatchNormalization()(x))
        x = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 1, use_bias=False)(x)))
    x = L.Flatten()(L.AveragePooling2D(3)(x))
    return keras.Model(start, L.Dense(2, activation="softmax")(x))


@model()
def unet_small() -> Any:
    """64×64×3 → 64×64×1: four levels of 8, 16, 32 and 64 channels, transposed convolutions on the way up."""
    import keras
    from keras import layers as L

    def double(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    start = x = L.Input((64, 64, 3))
    levels = []
    for filters in (8, 16, 32):
        x = double(x, filters)
        levels.append((filters, x))
        x = L.MaxPooling2D()(x)
    x = double(x, 64)
    for filters, skip in reversed(levels):
        x = L.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = double(L.Concatenate()([x, skip]), filters)
    return keras.Model(start, L.Conv2D(1, 1, activation="sigmoid")(x))


@model()
def conv3d_small() -> Any:
    """16 frames of 32×32×1: two 3-D convolutions, five classes."""
    from keras import Sequential
    from keras import layers as L

    return Sequential(
        [
            L.Input((16, 32, 32, 1)),
            L.Conv3D(8, 3, padding="same", activation="relu"),
            L.MaxPooling3D(2),
            L.Conv3D(16, 3, padding="same", activation="relu"),
            L.BatchNormalization(),
            L.MaxPooling3D(2),
            L.Conv3D(32, 3, activation="relu"),
            L.GlobalAveragePooling3D(),
            L.Dense(5, activation="softmax"),
        ]
    )


def _application(name: str, size: int = 224) -> Any:
    import keras

    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))


@model()
def mobilenetv2() -> Any:
    """keras.applications.MobileNetV2, 224×224."""
    return _application("MobileNetV2")


@model()
def mobilenetv3small() -> Any:
    """keras.applications.MobileNetV3Small, 224×224."""
    return _application("MobileNetV3Small")


@model(large=True)
def efficientnetb0() -> Any:
    """keras.applications.EfficientNetB0, 224×224."""
    return _application("EfficientNetB0")


@model(large=True)
def resnet50() -> Any:
    """keras.applications.ResNet50, 224×224."""
    return _application("ResNet50")


@model(large=True)
def densenet121() -> Any:
    """keras.applications.DenseNet121, 224×224."""
    return _application("DenseNet121")


@model(large=True)
def inceptionv3() -> Any:
    """keras.applications.InceptionV3, 299×299."""
    return _application("InceptionV3", 299)


@model(large=True)
def nasnetmobile() -> Any:
    """keras.applications.NASNetMobile, 224×224."""
    return _application("NASNetMobile")


@model(large=True)
def convnexttiny() -> Any:
    """keras.applications.ConvNeXtTiny, 224×224."""
    return _application("ConvNeXtTiny")


# -- signals and tables ------------------------------------------------------------------------------------------------


@model()
def ad_autoencoder() -> Any:
    """MLPerf Tiny's anomaly detector: 640 spectrogram values through a bottleneck of 8 and back."""
    from keras import Sequential
    from keras import layers as L

    stack: list[Any] = [L.Input((640,))]
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        stack += [L.Dense(units), L.BatchNormalization(), L.ReLU()]
    return Sequential([*stack, L.Dense(640)])


@model()
def dscnn_kws() -> Any:
    """MLPerf Tiny's keyword spotter: 49×10 MFCCs, 64 channels, four depthwise-separable blocks, twelve words."""
    import keras
    from keras import layers as L

    def finish(x: Any) -> Any:
        return L.ReLU()(L.BatchNormalization()(x))

    start = L.Input((49, 10, 1))
    x = L.Dropout(0.2)(finish(L.Conv2D(64, (10, 4), strides=2, padding="same")(start)))
    for _ in range(4):
        x = finish(L.DepthwiseConv2D(3, padding="same")(x))
        x = finish(L.Conv2D(64, 1)(x))
    x = L.Flatten()(L.AveragePooling2D((25, 5))(L.Dropout(0.4)(x)))
    return keras.Model(start, L.Dense(12, activation="softmax")(x))


@model()
def ember_mlp() -> Any:
    """2381 features of an executable: 1024-512-256-1 with BatchNormalization."""
    from keras import Sequential
    from keras import layers as L

    stack: list[Any] = [L.Input((2381,))]
    for units in (1024, 512, 256):
        stack += [L.Dense(units), L.BatchNormalization(), L.ReLU(), L.Dropout(0.2)]
    return Sequential([*stack, L.Dense(1, activation="sigmoid")])


@model()
def tcn() -> Any:
    """256 steps of 8 channels: five residual blocks of causal, dilated convolutions with LayerNormalization."""
    import keras
    from keras import layers as L

    start = L.Input((256, 8))
    x = L.Conv1D(32, 1)(start)
    for dilation in (1, 2, 4, 8, 16):
        y = x
        for _ in range(2):
            y = L.Conv1D(32, 3, padding="causal", dilation_rate=dilation)(y)
            y = L.ReLU()(L.LayerNormalization()(y))
        x = L.Add()([x, y])
    return keras.Model(start, L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(x)))


# -- text and bytes ----------------------------------------------------------------------------------------------------


@model(vocabulary=128)
def url_cnn() -> Any:
    """200 characters of a URL: Embedding 128×32, three convolutions, a score."""
    from keras import Sequential
    from keras import layers as L

    return Sequential(
        [
            L.Input((200,), dtype="int32"),
            L.Embedding(128, 32),
            L.Conv1D(64, 3, activation="relu"),
            L.MaxPooling1D(2),
            L.Conv1D(128, 3, activation="relu"),
            L.MaxPooling1D(2),
            L.Conv1D(128, 3, activation="relu"),
            L.GlobalMaxPooling1D(),
            L.Dense(64, activation="relu"),
            L.Dense(1, activation="sigmoid"),
        ]
    )


@model(vocabulary=128)
def expose_cnn() -> Any:
    """eXpose: 200 characters, four parallel convolutions of 2 to 5 characters, summed over positions, three Dense layers."""
    import keras
    from keras import layers as L
    from keras import ops

    start = L.Input((200,), dtype="int32")
    x = L.Embedding(128, 32)(start)
    sums = [ops.sum(L.Conv1D(128, k, padding="same", activation="relu")(x), axis=1) for k in (2, 3, 4, 5)]
    x = L.BatchNormalization()(L.Concatenate()(sums))
    for _ in range(2):
        x = L.Dropout(0.2)(L.BatchNormalization()(L.Dense(256, activation="relu")(x)))
    return keras.Model(start, L.Dense(1, activation="sigmoid")(x))


def _text(recurrent: Callable[[], Any]) -> Any:
    from keras import Sequential
    from keras import layers as L

    return Sequential([L.Input((100,), dtype="int32"), L.Embedding(5000, 64), recurrent(), L.Dense(1, activation="sigmoid")])


@model(vocabulary=5000)
def lstm_text() -> Any:
    """100 words: Embedding 5000×64, LSTM 64, a score."""
    from keras import layers as L

    return _text(lambda: L.LSTM(64))


@model(vocabulary=5000)
def bilstm_text() -> Any:
    """100 words: Embedding 5000×64, LSTM 64 in both directions, a score."""
    from keras import layers as L

    return _text(lambda: L.Bidirectional(L.LSTM(64)))


@model(vocabulary=5000)
def gru_text() -> Any:
    """100 words: Embedding 5000×64, GRU 64, a score."""
    from keras import layers as L

    return _text(lambda: L.GRU(64))


@model(vocabulary=5000)
def transformer_enc() -> Any:
    """64 words: two encoder blocks of four heads of 16, a feed-forward part of 128 with GELU, two classes."""
    import keras
    from keras import layers as L

    start = L.Input((64,), dtype="int32")
    x = L.Embedding(5000, 64)(start)
    for _ in range(2):
        attended = L.MultiHeadAttention(4, 16)(x, x)
        x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, attended]))
        y = L.Dense(64)(L.Dense(128, activation="gelu")(x))
        x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, y]))
    return keras.Model(start, L.Dense(2, activation="softmax")(L.GlobalAveragePooling1D()(x)))


def _malconv(length: int) -> Any:
    import keras
    from keras import layers as L

    start = L.Input((length,), dtype="int32")
    x = L.Embedding(257, 8)(start)
    value = L.Conv1D(128, 512, strides=512, activation="relu")(x)
    gate = L.Conv1D(128, 512, strides=512, activation="sigmoid")(x)
    x = L.GlobalMaxPooling1D()(L.Multiply()([value, gate]))
    return keras.Model(start, L.Dense(1, activation="sigmoid")(L.Dense(128, activation="relu")(x)))


@model(vocabulary=257)
def malconv_64k() -> Any:
    """MalConv on 64 KiB of an executable: gated convolution of 512 bytes every 512 bytes, the maximum over all."""
    return _malconv(65_536)


@model(vocabulary=257)
def malconv_1m() -> Any:
    """MalConv on a megabyte."""
    return _malconv(1_048_576)


@model(vocabulary=100)
def seed_all() -> Any:
    """Every kind of layer that the first version of the converter knew, in one small model of two inputs."""
    import keras
    from keras import layers as L
    from keras import ops

    words = L.Input((32,), dtype="int32", name="words")
    numbers = L.Input((12,), name="numbers")
    x = L.Embedding(100, 16)(words)
    x = L.ReLU(max_value=6)(L.BatchNormalization()(L.Conv1D(24, 3, padding="same")(x)))
    a = L.MaxPooling1D(2)(x)
    b = L.AveragePooling1D(2)(x)
    x = L.Average()([L.Multiply()([a, b]), L.Add()([a, b]), L.Subtract()([a, b])])
    x = L.Conv1D(16, 3, strides=2, padding="valid", activation="selu")(x)
    x = L.Conv1D(16, 2, padding="causal", activation="elu")(x)
    x = L.LeakyReLU(negative_slope=0.1)(x)
    x = L.Permute((2, 1))(x)
    x = L.Permute((2, 1))(x)
    pooled = L.Maximum()([L.GlobalAveragePooling1D()(x), L.GlobalMaxPooling1D()(x)])
    flat = L.Dense(16, activation="softsign")(L.Flatten()(x))
    mean = ops.mean(x, axis=2)
    n = L.Dense(16, activation="swish")(numbers)
    n = L.Dense(16, activation="hard_sigmoid")(L.Activation("tanh")(n))
    n = L.Reshape((4, 4))(n)
    n = L.Dense(4, activation="softplus")(n)
    n = L.Activation("exponential")(L.Flatten()(n))
    n = L.ReLU(threshold=0.5)(n)
    x = L.Concatenate()([pooled, flat, mean, L.Minimum()([n, flat])])
    x = L.Dense(32, activation="gelu")(L.Dropout(0.3)(x))
    x = L.Dense(16, activation="linear")(x)
    return keras.Model([words, numbers], L.Dense(5, activation="softmax")(L.Activation("sigmoid")(x)))


# -- building ----------------------------------------------------------------------------------------------------------


def samples(shapes: Sequence[tuple[tuple[int | None, ...], str]], batch: int, vocabulary: int, seed: int) -> list[Any]:
    """Inputs for a model: normal draws, ids below `vocabulary`."""
    rng = np.random.default_rng(seed)
    drawn = []
    for shape, dtype in shapes:
        size = (batch, *(d or 1 for d in shape[1:]))
        ids = np.issubdtype(np.dtype(dtype), np.integer)
        drawn.append((rng.integers(0, vocabulary, size) if ids else rng.standard_normal(size)).astype(dtype))
    return drawn


def _weights(keras_model: Any, vocabulary: int) -> None:
    """Draws what initialisers leave at zero or one, then lets a batch set BatchNormalization's statistics."""
    rng = np.random.default_rng(SEED)
    for weight in keras_model.weights:
        name = weight.path.rsplit("/", 1)[-1]
        if name in ("bias", "beta"):
            weight.assign(rng.normal(0, 0.1, weight.shape))
        elif name == "gamma":
            weight.assign(rng.uniform(0.7, 1.3, weight.shape))
    normalizations = [layer for layer in keras_model._flatten_layers() if type(layer).__name__ == "BatchNormalization"]
    if not normalizations:
        return
    kept = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    shapes = [(tuple(i.shape), i.dtype) for i in keras_model.inputs]
    batch = 8 if np.prod([d or 1 for d in shapes[0][0]]) > 50_000 else 256
    drawn = samples(shapes, batch, vocabulary, SEED)
    keras_model(drawn if len(drawn) > 1 else drawn[0], training=True)
    for layer, momentum in zip(normalizations, kept, strict=True):
        layer.momentum = momentum


def save(name: str) -> None:
    """The child's work: `saved_model` in the model's folder."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    keras_model = MODELS[name].build()
    _weights(keras_model, MODELS[name].vocabulary)
    keras_model.export(str(_folder(name) / "saved_model"), verbose=False)
    (_folder(name) / "definition").write_text(_definitions())


def save_tflite(name: str) -> None:
    """The child's work: `model_{1,32}.tflite` from `saved_model`, or the converter's reason why not."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(_folder(name) / "saved_model"))
    signature = loaded.signatures["serving_default"]
    inputs = signature.structured_input_signature[1]
    for batch in (1, 32):
        specs = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, n) for n, spec in inputs.items()]
        call = tf.function(lambda *x: signature(**dict(zip(inputs, x, strict=True))))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function(*specs)], loaded)
        try:
            (_folder(name) / f"model_{batch}.tflite").write_bytes(converter.convert())
        except Exception as error:  # the converter's own exception types are private
            (_folder(name) / f"model_{batch}.tflite.txt").write_text(str(error))
    (_folder(name) / "tflite").write_text(_definitions())


def onnx_files(names: Sequence[str]) -> dict[str, Path]:
    """The models' ONNX files, built where they are not there yet, or where a definition or the frontend has changed."""
    _child("--save", [n for n in names if not _is(_folder(n) / "definition", _definitions())])
    sources = [p for room in ("frontends", "model") for p in sorted((ROOT / "src/onnx2rust" / room).glob("*.py"))]
    frontend = _hash(sources) + _definitions()
    stale = [n for n in names if not _is(_folder(n) / "frontend", frontend)]
    if stale:
        from onnx2rust.base.options import Options
        from onnx2rust.frontends import Loaded, load_many

        for name, result in zip(stale, load_many([_folder(n) / "saved_model" for n in stale], Options()), strict=True):
            if not isinstance(result, Loaded):
                raise result
            (_folder(name) / "model.onnx").write_bytes(result.encoded)
            (_folder(name) / "frontend").write_text(frontend)
    return {n: _folder(n) / "model.onnx" for n in names}


def tflite_files(names: Sequence[str]) -> None:
    """Builds the models' TFLite files (after `onnx_files`)."""
    _child("--tflite", [n for n in names if not _is(_folder(n) / "tflite", _definitions())])


def _child(task: str, names: Sequence[str]) -> None:
    """A process that imports TensorFlow, without its noise."""
    if not names:
        return
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "KERAS_BACKEND": "tensorflow",
    }
    done = subprocess.run([sys.executable, __file__, task, *names], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"building the models failed:\n{done.stderr[-3000:]}")


def _folder(name: str) -> Path:
    folder = BUILD / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _definitions() -> str:
    return _hash([Path(__file__)])


def _hash(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:16]


def _is(path: Path, content: str) -> bool:
    return path.exists() and path.read_text() == content


def main() -> None:
    """`--save` and `--tflite` are the child: it alone imports TensorFlow."""
    arguments = sys.argv[1:]
    tasks = {"--save": save, "--tflite": save_tflite}
    if arguments and arguments[0] in tasks:
        for name in arguments[1:]:
            tasks[arguments[0]](name)
        return
    for name, path in onnx_files(arguments or list(MODELS)).items():
        print(f"{name:24} {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
