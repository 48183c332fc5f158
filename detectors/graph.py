"""MediaPipe graphs of our own text: models from its wheel, one thread, silent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np


class Graph:
    """A MediaPipe graph with one input stream, `image`.

    text: the graph (CalculatorGraphConfig) in protobuf text format; model paths are relative to
    the folder that holds the mediapipe package. outputs: names of the streams that are returned.
    """

    def __init__(self, text: str, outputs: list[str]) -> None:
        with quiet():
            from mediapipe.python.solution_base import SolutionBase

            self._solution = SolutionBase(
                graph_config=f'input_stream: "image" num_threads: 1 {text}', outputs=outputs
            )
            # Some loading, and its talk, happens with the first picture.
            self._solution.process({"image": np.zeros((16, 16, 3), np.uint8)})
        self._outputs = outputs

    def __call__(self, pixels: np.ndarray) -> Mapping[str, Any]:
        """pixels: (H, W, 3) uint8 RGB. Value of each output, None where the graph gave none."""
        answer = self._solution.process({"image": np.ascontiguousarray(pixels)})
        return {name: getattr(answer, name) for name in self._outputs}


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what C++ libraries write to standard error, which no Python setting stops."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
