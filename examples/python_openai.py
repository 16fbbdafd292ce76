"""One video with OpenAI's client: python3 python_openai.py "A city in the rain" city.mp4"""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("REELWRIGHT_SERVER", "http://localhost:3001") + "/v1",
    api_key=os.environ.get("REELWRIGHT_API_KEY", "any"),
)
prompt, path = sys.argv[1:]
video = client.videos.create_and_poll(prompt=prompt, size="512x288", seconds="2", extra_body={"seed": 7})
if video.status == "failed":
    sys.exit(f"{video.error.code}: {video.error.message}")
client.videos.download_content(video.id).write_to_file(path)
print(f"{path}: {video.seconds} s, {video.size}, by {video.model}")
