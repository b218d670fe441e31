"""Encoders, decoders, generators and critics as pure functions, their losses and their steps."""

from genjax.models.registry import MODELS, build

__all__ = ["MODELS", "build"]
