"""The fake on its own, for benchmarks: `python -m tests.fakes.huggingface --port 9100 --delay 0.2 --size 1500000`.

`POST http://127.0.0.1:9100/` (any path) is the dedicated endpoint: it answers with an MP4 of that size after the delay.
The providers answer to their host names. Prints the address when it listens; ends with its standard input or Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

from tests.fakes.huggingface.server import FakeHuggingFace, Reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the endpoint answers")
    parser.add_argument("--size", type=int, default=1_500_000, help="bytes of the video")
    options = parser.parse_args()
    fake = FakeHuggingFace(clip_bytes=options.size, keep_log=False)
    fake.port = options.port
    fake.script("endpoint", Reply(delay=options.delay))
    with fake, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"http://127.0.0.1:{fake.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
