"""Open the face networks on the CPU, and read what they answer."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

from worker.faces.topology import MODELS


@cache
def open_network(name: str, *, small: bool = False) -> onnxruntime.InferenceSession:
    """Return a session that computes in the calling thread alone; one serves all threads.

    More threads gain nothing on networks this small, and spinning ones take the other stages' processor.
    A `small` one's weights are not laid out anew for speed: that holds them three times over while it opens.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it keeps some 15 MB that are needed once
    if small:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(MODELS / f"{name}.onnx", options, providers=["CPUExecutionProvider"])


def probability(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
