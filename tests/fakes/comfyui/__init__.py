"""A faithful, unkind ComfyUI at the wire: one worker, a queue and a history in memory, files that outlive it.

What it answers follows ComfyUI's own source and what a real one was measured to do, its traps included. `FakeComfyUI`
serves in process, `ComfyUIProcess` as a process of its own; both keep a `Ledger` of what was executed for whom.
"""

from tests.fakes.comfyui.knobs import OUT_OF_MEMORY, Reply
from tests.fakes.comfyui.ledger import Ledger
from tests.fakes.comfyui.process import ComfyUIProcess
from tests.fakes.comfyui.server import FakeComfyUI
from tests.fakes.comfyui.versions import MIDDLE, NEW, OLD, USUAL

__all__ = ["MIDDLE", "NEW", "OLD", "OUT_OF_MEMORY", "USUAL", "ComfyUIProcess", "FakeComfyUI", "Ledger", "Reply"]
