"""Decides whether a prompt is accepted, by a list of refused words and by a moderation service.

The service is asked as OpenAI's moderation endpoint is (https://platform.openai.com/docs/api-reference/moderations):
`POST {"input": [texts]}`. Its answer is that endpoint's `{"results": [{"flagged", "categories"}]}`, one for each text,
or the plain `{"allowed": true | false, "reason"}`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from reelwright.errors import BadRequest, Busy, Code
from reelwright.video import VideoSpec

if TYPE_CHECKING:
    import httpx2

MAX_REASON = 300
"""How many characters of the service's reason the error shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`words`: refused words and phrases. `url`: the service to ask, with `token` as its bearer token; it has `seconds`
    to answer. `fail_open`: what it does not answer about is made, else it is refused for now.
    """

    words: Sequence[str] = ()
    url: str | None = None
    token: str | None = None
    seconds: float = 5.0
    fail_open: bool = False


class Moderation:
    def __init__(self, rules: Rules, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network."""
        self._rules = rules
        self._refused = _pattern(rules.words)
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._log = structlog.get_logger("reelwright.moderation")

    async def check(self, spec: VideoSpec) -> None:
        """Raises `BadRequest` (refused) for a prompt that is not to be made, `Busy` where nobody knows.

        A refused word in a negative prompt is what the client does not want to see: only the service reads that, too.
        """
        if self._refused and (found := self._refused.search(_folded(spec.prompt))):
            raise _refusal(f"This server makes no videos of {found[0]!r}. Leave it out of the prompt.")
        if self._rules.url is None:
            return
        texts = [spec.prompt, *([spec.negative_prompt] if spec.negative_prompt else [])]
        why = await self._ask(self._rules.url, texts)
        if why is not None:
            raise _refusal(why)

    async def _ask(self, url: str, texts: list[str]) -> str | None:
        """Why the service refuses; None: it does not. Raises `Busy`."""
        import httpx2

        try:
            response = await self._open().post(url, json={"input": texts})
            response.raise_for_status()
            return _verdict(response.json(), len(texts))
        except (httpx2.HTTPError, ValueError) as error:
            problem = type(error).__name__
            self._log.warning("the moderation service gave no answer", problem=problem, made=self._rules.fail_open)
        if self._rules.fail_open:
            return None
        raise Busy("The moderation service does not answer, so no prompt is taken for now", retry_after=10)

    def _open(self) -> httpx2.AsyncClient:
        import httpx2

        if self._client is None:
            headers = {"authorization": f"Bearer {self._rules.token}"} if self._rules.token else {}
            self._client = httpx2.AsyncClient(
                headers=headers, timeout=self._rules.seconds, follow_redirects=False, transport=self._transport
            )
        return self._client


def _refusal(why: str) -> BadRequest:
    return BadRequest("Prompt refused by this server", code=Code.REFUSED, field="prompt", details=why)


def _verdict(answer: Any, texts: int) -> str | None:
    """The reason for a refusal, or None. Raises ValueError for an answer of neither form."""
    match answer:
        case {"allowed": True}:
            return None
        case {"allowed": False, **more}:
            return str(more.get("reason") or "The moderation service refuses this prompt.")[:MAX_REASON]
        case {"results": list(results)} if len(results) == texts:
            flagged = [_flagged(result) for result in results]
            if not any(told is not None for told in flagged):
                return None
            names = sorted({name for told in flagged for name in told or ()})
            about = f": {', '.join(names)}" if names else ""
            return f"The moderation service refuses this prompt{about}."[:MAX_REASON]
    raise ValueError("neither of the two forms")


def _flagged(result: Any) -> list[str] | None:
    match result:
        case {"flagged": False}:
            return None
        case {"flagged": True, **more}:
            categories = more.get("categories")
            return [str(name) for name, set_ in categories.items() if set_] if isinstance(categories, dict) else []
    raise ValueError("a result without its flag")


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """Whole words and phrases, whatever their case and white space; parts of words in scripts without spaces."""
    parts = []
    for word in words:
        text = r"\s+".join(re.escape(part) for part in _folded(word).split())
        if text:
            parts.append(text if _without_spaces(word) else rf"(?<!\w){text}(?!\w)")
    return re.compile("|".join(parts)) if parts else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _without_spaces(word: str) -> bool:
    """Whether it is written in a script that puts no spaces between words: Chinese, Japanese, Thai, Lao, Khmer."""
    kinds = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")
    return any(unicodedata.name(letter, "").startswith(kinds) for letter in word)
