"""A process that ends one video and sends its webhook, and stays until it is killed.

python -m tests.fakes.sender FOLDER DATABASE_URL RECEIVER_URL ME
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.jobs.house import draft, house


async def main(folder: str, database_url: str, receiver_url: str, me: str) -> None:
    async with house(Path(folder), {"DATABASE_URL": database_url}, me=me) as home:
        video = home.complete(home.video(draft(receiver_url)))
        await home.announce(video)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
