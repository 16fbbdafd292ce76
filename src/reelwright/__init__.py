"""Reelwright: a prompt goes in, an MP4 comes out."""

__version__ = "0.1.0"
