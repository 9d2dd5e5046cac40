"""Train a small binary classifier on scikit-learn's breast cancer data and save it with `model.export`.

Run `python train.py` (Keras 3 on TensorFlow, scikit-learn; 10 s on one core). It rewrites `saved_model/` and
`features.npz`: `features` holds held-out patients with raw values (the model normalises them itself), `predictions` what
Keras answers, `labels` the truth (1: benign).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def build(samples: np.ndarray) -> keras.Model:
    """Raw features → normalisation → two dense layers with batch normalisation → one probability."""
    normalization = layers.Normalization()
    normalization.adapt(samples)
    features = keras.Input((30,), name="features")
    x = normalization(features)
    for width in (32, 16):
        x = layers.Dense(width, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return keras.Model(features, layers.Dense(1, activation="sigmoid", name="probability")(x), name="breast_cancer")


def main() -> None:
    """Train, report accuracy and area under the curve on the held-out 30 %, save."""
    keras.utils.set_random_seed(2024)
    samples, labels = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        samples.astype(np.float32), labels, test_size=0.3, random_state=1, stratify=labels
    )
    model = build(x_train)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
    model.fit(x_train, y_train, batch_size=32, epochs=40, verbose=0)
    _, accuracy, area = model.evaluate(x_test, y_test, verbose=0)
    print(f"held-out accuracy: {accuracy:.4f}, area under the curve: {area:.4f}")

    shutil.rmtree(HERE / "saved_model", ignore_errors=True)
    model.export(HERE / "saved_model", verbose=False)
    predictions = model.predict(x_test, verbose=0)
    np.savez_compressed(HERE / "features.npz", features=x_test, predictions=predictions, labels=y_test.astype(np.int64))


if __name__ == "__main__":
    main()
