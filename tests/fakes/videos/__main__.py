"""A fake on its own: `python -m tests.fakes.videos --profile sglang --port 9200`.

`--in-front` puts a LiteLLM before it. Prints the address when it listens; ends with its
standard input or Ctrl-C. `GET /fake` tells what its GPU has begun and finished, by prompt.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

from tests.fakes.videos.litellm import FakeLiteLLM
from tests.fakes.videos.profiles import PROFILES
from tests.fakes.videos.server import FakeVideos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="vllm-omni")
    parser.add_argument("--in-front", action="store_true", help="a LiteLLM in front of it")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--step", type=float, default=0.05, help="seconds of each of a job's four steps")
    parser.add_argument("--token", help="the key that is asked for")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        port = 0 if options.in_front else options.port
        fake = stack.enter_context(FakeVideos(options.profile, token=options.token, port=port))
        fake.gpu.step_s = options.step
        url = fake.url
        if options.in_front:
            url = stack.enter_context(FakeLiteLLM(fake, token=options.token, port=options.port)).url
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
