"""Checks what every engine promises, and what its card promises beyond that, in real processes as a server starts
them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelwright.engines.catalog import Offer
from reelwright.engines.engine import Card
from reelwright.errors import EngineError
from reelwright.testing.audited import ELSEWHERE, HELD, PROGRESS
from reelwright.testing.process import EngineProcess
from reelwright.testing.recorder import Recorder
from reelwright.testing.takes import Take, spec_for
from reelwright.video import Task, VideoSpec

_USUAL = ("plain", (40, 90, 160))
"""The input image for a model that needs one: its name and its colour."""
MOST_SIDE_BY_SIDE = 4
CANCEL_S = 5.0
"""How long a cancelled job may take to end, at most. The server may be less patient while others wait."""


def check_engine(
    offer: Offer,
    folder: Path,
    *,
    prompt: str = "A red fox runs through fresh snow",
    cancel_s: float = CANCEL_S,
    **fields: Any,
) -> None:
    """Check every model that can be used on this machine. Raises AssertionError that lists the broken promises.

    `folder` is for the jobs' files. `prompt` and `fields` (see `spec_for`) are what is asked for: choose them so
    that a job takes some seconds at most, and yet long enough to be cancelled and to save checkpoints. `cancel_s`: how
    long a cancelled job may take to end.

    The jobs run in processes that are started as a server starts them. The promises:

    - The engine loads. A checkpoint's file lies in the scratch folder.
    - The clip has the size and the number of frames that were asked for, also when another size and length are.
    - Progress never falls and never passes its total.
    - `deterministic`: the same spec gives the same bits, in another process, too. `seed` in `honours`: another seed
      gives others.
    - A cancelled job ends in time, and its process makes the next video.
    - `resumes`: a process that is killed (SIGKILL) after a checkpoint is replaced by one that goes on from there, and
      the frames are the same bits where the model is deterministic.
    - Where the offer has several slots, jobs that run at the same time make the same videos as each of them alone.
    - Where the model takes images, an image changes the video. Where it makes sound, sound comes when it is asked for.
    - Only the clip and files in the job's scratch folder are written; nothing is left in the folder for temporary
      files.

    Example:

        def test_the_engine_keeps_its_promises(tmp_path: Path) -> None:
            check_engine(offer({}), tmp_path, num_frames=24)
    """
    broken = list(broken_promises(offer, folder, prompt=prompt, cancel_s=cancel_s, **fields))
    assert not broken, "the engine breaks what it promises:\n" + "\n".join(f"- {one}" for one in broken)


def broken_promises(
    offer: Offer, folder: Path, *, prompt: str, cancel_s: float = CANCEL_S, **fields: Any
) -> Iterator[str]:
    """The sentences that `check_engine` would list."""
    if offer.problem:
        yield f"It cannot work here: {offer.problem}"
        return
    for number, card in enumerate(offer.cards):
        if all(offer.lacks(card, task) is None for task in card.tasks):
            own = folder / f"model-{number}"
            yield from (f"{card.model}: {one}" for one in _Check(offer, card, own, prompt, cancel_s, fields).broken())


@dataclass
class _Check:
    """Checks the promises of one model. Each check yields a sentence for everything that is wrong.

    Starting a process takes most of the time, so checks that need no new process share two: `first` makes the plain
    video and its variations; `second` makes the plain video again, and cancels a job.
    """

    offer: Offer
    card: Card
    folder: Path
    prompt: str
    cancel_s: float
    fields: Mapping[str, Any]
    _jobs: int = 0

    def broken(self) -> Iterator[str]:
        """All checks, in the order in which an author would correct what they find."""
        (self.folder / "temporary").mkdir(parents=True)
        try:
            with self._process() as first:
                plain = self._run(first, self._spec())
                yield from self._wrong_shape(plain, self._spec())
                yield from self._json(plain)
                yield from self._measured(plain)
                yield from self._other_shape(first)
                yield from self._other_seed(first, plain)
                yield from self._pictures(first)
                yield from self._sounds(first)
                yield from self._side_by_side(first, plain)
            with self._process() as second:
                yield from self._same_again(second, plain)
                yield from self._cancels(second, plain)
            yield from self._resumes(plain)
        except EngineError as error:
            yield f"A job failed. {error.code}: {error.message}"
            return
        yield from self._own_files(plain)

    # --- running it ---------------------------------------------------------------------------------------------------

    def _spec(self, **changes: Any) -> VideoSpec:
        image = None if Task.TEXT_TO_VIDEO in self.card.tasks else self._picture(*_USUAL)
        return spec_for(self.card, self.prompt, **({"image": image} | dict(self.fields) | changes))

    def _process(self) -> EngineProcess:
        """A process in which the engine's writes are watched, and a cancelled job may take `cancel_s` to end."""
        spec = self.offer.spec.of_child(0)
        watched = replace(
            spec,
            engine="reelwright.testing.audited:Audited",
            options={"engine": spec.engine, "options": spec.options},
            shares=(),
            cancel_grace_s=self.cancel_s,
        )
        return EngineProcess(replace(self.offer, spec=watched), {"TMPDIR": str(self.folder / "temporary")})

    def _job(self, spec: VideoSpec, **more: Any) -> dict[str, Any]:
        """Arguments of `job_for`: a new id, and the usual image if the spec has one."""
        self._jobs += 1
        picture = {"image_path": self._picture(*_USUAL)} if spec.image else {}
        return {"video_id": f"video_{self._jobs}"} | picture | more

    def _run(self, process: EngineProcess, spec: VideoSpec, **job: Any) -> Take:
        return process.run(spec, self.folder, **self._job(spec, **job))

    def _picture(self, name: str, colour: tuple[int, int, int]) -> Path:
        import PIL.Image

        path = self.folder / f"{name}.png"
        if not path.exists():
            PIL.Image.new("RGB", (self.card.default_width, self.card.default_height), colour).save(path)
        return path

    # --- the promises -------------------------------------------------------------------------------------------------

    def _wrong_shape(self, take: Take, spec: VideoSpec) -> Iterator[str]:
        asked = (spec.num_frames, spec.height, spec.width, 3)
        if take.frames.shape != asked:
            yield f"Asked for (frames, height, width, 3) = {asked}, it made {take.frames.shape}."
        elif take.clip.fps != spec.fps:
            yield f"Asked for {spec.fps} frames a second, it made {take.clip.fps:g}."

    def _other_shape(self, process: EngineProcess) -> Iterator[str]:
        """The clip's shape with another size and length, where the card allows others."""
        usual, card = self._spec(), self.card
        changes: dict[str, Any] = {}
        if usual.num_frames > card.min_frames:
            changes["num_frames"] = max(card.min_frames, usual.num_frames // 2)
        sizes = [size for size in card.sizes if size != (usual.width, usual.height)]
        if sizes:
            changes |= {"width": sizes[0][0], "height": sizes[0][1]}
        elif not card.sizes and usual.width - card.side_multiple >= card.min_side:
            changes |= {"width": usual.width - card.side_multiple, "height": usual.height}
        if changes:
            other = self._spec(**changes)
            yield from self._wrong_shape(self._run(process, other), other)

    def _json(self, plain: Take) -> Iterator[str]:
        for state in plain.heard.checkpoints:
            name = state.get("file")
            if name is not None and Path(name).name != name:
                yield f"A checkpoint's file must be a name in the scratch folder, not {name!r}."

    def _measured(self, plain: Take) -> Iterator[str]:
        told = _progress(plain)
        if bad := next(((done, total) for done, total in told if not 0 <= done <= total), None):
            yield f"It told a progress of {bad[0]} of {bad[1]}."
        parts = [done / total for done, total in told if total]
        if parts != sorted(parts):
            yield f"Its progress fell: {told}"

    def _other_seed(self, process: EngineProcess, plain: Take) -> Iterator[str]:
        if "seed" in self.card.honours and self._run(process, self._spec(seed=1)).sha256 == plain.sha256:
            yield "Its card says that it honours `seed`, but another seed gave the same frames."

    def _same_again(self, process: EngineProcess, plain: Take) -> Iterator[str]:
        if self.card.deterministic and self._run(process, self._spec()).sha256 != plain.sha256:
            yield "Its card says `deterministic`, but the same spec gave other frames in another process."

    def _cancels(self, process: EngineProcess, plain: Take) -> Iterator[str]:
        spec = self._spec()
        job = self._job(spec)
        if process.cancel(spec, self.folder, **job | {"video_id": HELD + job["video_id"]}) is not None:
            yield "It made the whole video before it had said anything: no progress, no stage, no checkpoint."
        elif not process.child.alive:
            yield f"A cancelled job did not end within {self.cancel_s:g} s, so its process had to be killed."
        elif self._run(process, spec).sha256 != plain.sha256 and self.card.deterministic:
            yield "After a cancelled job the next one is not what it is in a fresh process."

    def _resumes(self, plain: Take) -> Iterator[str]:
        if not self.card.resumes:
            return
        saved = len(plain.heard.checkpoints)
        if not saved:
            yield "Its card says `resumes`, but the job saved no checkpoint."
            return
        killed = {number: self._killed_at(number) for number in sorted({1, saved})}
        with self._process() as process:
            for number, job in killed.items():
                resumed = process.run(self._spec(), self.folder, **job)
                if self.card.deterministic and resumed.sha256 != plain.sha256:
                    yield f"Killed after checkpoint {number} and taken up from it, it made other frames."
                began, goes_on = _progress(plain), _progress(resumed)
                if number > 1 and began and goes_on and goes_on[0] <= began[0]:
                    yield f"Taken up from checkpoint {number} of {saved}, it began anew: progress {goes_on[0]}."

    def _killed_at(self, number: int) -> dict[str, Any]:
        """Kill a job's process at that checkpoint. Returns the arguments of `job_for` for the second attempt."""
        spec = self._spec()
        job = self._job(spec)
        with self._process() as process:

            def kill(_state: Mapping[str, Any]) -> None:
                if len(heard.checkpoints) == number:
                    os.kill(process.child.pid, signal.SIGKILL)

            heard = Recorder(kill)
            try:
                process.run(spec, self.folder, heard, **job)
            except EngineError:
                if len(heard.checkpoints) < number:
                    raise
        return job | {"attempt": 2, "checkpoint": heard.checkpoints[number - 1]}

    def _side_by_side(self, process: EngineProcess, plain: Take) -> Iterator[str]:
        spec = self._spec()
        if self.offer.slots < 2:
            return
        jobs = [self._job(spec) for _ in range(min(self.offer.slots, MOST_SIDE_BY_SIDE))]
        takes = process.run_together([(spec, job) for job in jobs], self.folder)
        if self.card.deterministic and any(take.sha256 != plain.sha256 for take in takes):
            yield f"{len(takes)} jobs side by side are not what each is alone."

    def _pictures(self, process: EngineProcess) -> Iterator[str]:
        if Task.IMAGE_TO_VIDEO not in self.card.tasks:
            return
        paths = [self._picture("blue", (30, 60, 200)), self._picture("red", (200, 60, 30))]
        blue, red = (self._run(process, self._spec(image=path), image_path=path) for path in paths)
        if "image" in self.card.honours and blue.sha256 == red.sha256:
            yield "Its card says that it honours `image`, but another image gave the same frames."

    def _sounds(self, process: EngineProcess) -> Iterator[str]:
        if "generate_audio" not in self.card.honours:
            return
        take = self._run(process, self._spec(generate_audio=True))
        if take.clip.frames is not None and take.clip.sound is None:
            yield "Its card says that it honours `generate_audio`, but the clip has no sound."

    def _own_files(self, plain: Take) -> Iterator[str]:
        for path in plain.facts.get(ELSEWHERE, ()):
            yield f"It wrote to {path}, which is none of its job's files."
        for left in sorted((self.folder / "temporary").iterdir()):
            yield f"It left {left.name} in the folder for temporary files."


def _progress(take: Take) -> list[tuple[int, int]]:
    """Each (done, total) that the job told, in its order."""
    return [(done, total) for done, total in take.facts[PROGRESS]]
