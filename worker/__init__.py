"""The worker: takes the contract's input, makes the video. It knows nothing of the service above it."""

__version__ = "0.1.0"
