"""The fake on its own: `python -m tests.fakes.comfyui --port 8188 --version 0.3.64 --folder /tmp/comfyui`.

Knobs are turned with `POST /_fake/knobs`. Prints the address when it listens; ends with its standard input or Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

from tests.fakes.comfyui.server import FakeComfyUI
from tests.fakes.comfyui.versions import USUAL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", default=USUAL)
    parser.add_argument("--folder", type=Path, required=True, help="input, output, temp and the ledger")
    parser.add_argument("--knobs", default="{}", help="JSON, as /_fake/knobs takes it")
    options = parser.parse_args()
    knobs = json.loads(options.knobs)
    fake = FakeComfyUI(options.folder, version=options.version, port=options.port, **knobs)
    with fake, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
