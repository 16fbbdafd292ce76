"""Servers that speak `/v1/videos`, each as its kind does: see `profiles`."""

from tests.fakes.videos.litellm import FakeLiteLLM
from tests.fakes.videos.profiles import PROFILES, Profile
from tests.fakes.videos.server import TOKEN, FakeVideos

__all__ = ["PROFILES", "TOKEN", "FakeLiteLLM", "FakeVideos", "Profile"]
