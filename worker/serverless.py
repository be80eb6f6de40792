"""The entry point of the Runpod image: `python -m worker.serverless`."""

from __future__ import annotations

import runpod

from worker.handler import handler

runpod.serverless.start({"handler": handler})
