"""Train a small convolutional network on scikit-learn's 8×8 digits and save it as its author would: `model.export`.

Run `python train.py` (Keras 3 on TensorFlow, scikit-learn; 12 s on one core). It rewrites `saved_model/` and
`features.npz`: `image` holds held-out samples, one flattened row each, `predictions` what Keras answers to them.
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
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def build() -> keras.Model:
    """Two convolutions, one pooling, two dense layers: 22,000 weights."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="probabilities")(x), name="digits")


def main() -> None:
    """Train, report the accuracy on the held-out fifth, save."""
    keras.utils.set_random_seed(2024)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32).reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.2, random_state=1, stratify=labels)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=20, verbose=0)
    print("held-out accuracy:", round(float(model.evaluate(x_test, y_test, verbose=0)[1]), 4))

    shutil.rmtree(HERE / "saved_model", ignore_errors=True)
    model.export(HERE / "saved_model", verbose=False)
    predictions = model.predict(x_test, verbose=0)
    np.savez_compressed(
        HERE / "features.npz",
        image=x_test.reshape(len(x_test), -1),
        predictions=predictions,
        labels=y_test.astype(np.int64),
    )


if __name__ == "__main__":
    main()
