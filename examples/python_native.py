"""One video with Python's standard library: python3 python_native.py "A campfire at night" fire.mp4"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

SERVER = os.environ.get("REELWRIGHT_SERVER", "http://localhost:3001")
KEY = os.environ.get("REELWRIGHT_API_KEY")


def generate(prompt: str, **fields: object) -> tuple[bytes, str]:
    """The MP4 and its seed. Raises RuntimeError in the server's words."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})
    request = urllib.request.Request(
        f"{SERVER}/api/video/generate", json.dumps({"prompt": prompt, **fields}).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=900) as answer:
            return answer.read(), answer.headers["X-Seed"]
    except urllib.error.HTTPError as error:
        told = json.load(error)
        raise RuntimeError(f"{error.code}: {told['error']}") from None


if __name__ == "__main__":
    prompt, path = sys.argv[1:]
    try:
        video, seed = generate(prompt, size="512x288", num_frames=24)
    except RuntimeError as error:
        sys.exit(str(error))
    Path(path).write_bytes(video)
    print(f"{path}: {len(video):,} bytes, seed {seed}")
