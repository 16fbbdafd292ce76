"""LangChain's `Replicate` against the server at the address that the environment has: langchain_replicate.py PICTURE.

Prints what it saw as one line of JSON; the test looks at it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import replicate
from langchain_community.llms import Replicate

SMALL = {"width": 64, "height": 64, "num_frames": 4}
TOY = "reelwright/toy"

version = replicate.models.get(TOY).latest_version
assert version
seen = {
    "plain": Replicate(model=TOY, model_kwargs=SMALL).invoke("paint"),
    "version": Replicate(model=f"{TOY}:{version.id}", model_kwargs=SMALL).invoke("paint"),
    "picture": Replicate(model=TOY, model_kwargs=SMALL).invoke("paint", image=Path(sys.argv[1])),
}
try:
    Replicate(model=TOY, model_kwargs=SMALL).invoke("refuse")
except RuntimeError as error:
    seen["refused"] = str(error)
sys.stdout.write(json.dumps(seen))
