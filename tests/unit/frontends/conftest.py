"""TensorFlow sources for the tests of this folder: made once a session, converted together in one child."""

from __future__ import annotations

import os

import pytest
from frontend_sources import Sources

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
    import tf_models

    folder = tmp_path_factory.mktemp("tf")
    paths, answers = tf_models.write_all(folder)
    return Sources.read(folder, paths, answers)
