"""A faithful fake of Hugging Face at the wire: hub, router, providers, CDNs, and a dedicated endpoint.

`FakeHuggingFace` serves plain HTTP on one loopback port and tells the hosts apart by the Host header. The real client
reaches it in process through `rewriting` (a transport that changes host and port only), or from another process through
`ConnectProxy` (HTTPS_PROXY and SSL_CERT_FILE, nothing else).
"""

from tests.fakes.huggingface.clips import clip, picture
from tests.fakes.huggingface.homes import KEYS
from tests.fakes.huggingface.proxy import ConnectProxy
from tests.fakes.huggingface.server import TOKEN, FakeHuggingFace, Logged, Reply
from tests.fakes.huggingface.wire import rewriting

__all__ = ["KEYS", "TOKEN", "ConnectProxy", "FakeHuggingFace", "Logged", "Reply", "clip", "picture", "rewriting"]
