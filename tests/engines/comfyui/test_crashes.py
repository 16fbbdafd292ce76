"""`kill -9` of the engine's process at every window: each job is executed once, and its clip arrives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engines.comfyui.conftest import Fakes
from tests.engines.comfyui.stage import Stage
from tests.engines.comfyui.victim import AFTER, BEFORE, MADE, Victim
from tests.engines.comfyui.wire import ended
from tests.fakes.comfyui import NEW, OLD, USUAL, FakeComfyUI

Death = Callable[[Victim, FakeComfyUI], None]


def before_anything_is_saved(victim: Victim, fake: FakeComfyUI) -> None:
    victim.start((BEFORE, "submitting"))
    victim.kill_at_stop()
    assert victim.checkpoint is None


def before_it_is_sent(victim: Victim, fake: FakeComfyUI) -> None:
    victim.start((AFTER, "submitting"))
    victim.kill_at_stop()
    assert fake.ledger.count("submitted") == 0


def while_the_answer_is_awaited(victim: Victim, fake: FakeComfyUI) -> None:
    fake.turn(replies={"prompt": [1, {"hang": True}]}, hold_at=1)
    victim.start()
    fake.ledger.wait_for("began")
    victim.kill()
    fake.turn(hold_at=None)


def before_the_submission_arrives(victim: Victim, fake: FakeComfyUI) -> None:
    """The dead process' graph is queued after all, when the next life has sent it again."""
    fake.turn(replies={"prompt": [1, {"last": True}]})
    victim.start()
    fake.ledger.wait_for("late")
    victim.kill()


def before_the_acceptance_is_saved(victim: Victim, fake: FakeComfyUI) -> None:
    victim.start((BEFORE, "accepted"))
    victim.kill_at_stop()
    assert victim.checkpoint is not None
    assert victim.checkpoint["phase"] == "submitting"


def while_it_waits(victim: Victim, fake: FakeComfyUI) -> None:
    fake.turn(hold_at=1)
    fake.foreign()
    victim.start()
    fake.ledger.wait_for("submitted")
    fake.ledger.wait_for("request", route="history")
    victim.kill()
    fake.turn(hold_at=None)


def while_it_runs(victim: Victim, fake: FakeComfyUI) -> None:
    fake.turn(hold_at=2)
    victim.start()
    fake.ledger.wait_for("began")
    fake.ledger.wait_for("request", route="history")
    victim.kill()
    fake.turn(hold_at=None)


def after_it_has_ended(victim: Victim, fake: FakeComfyUI) -> None:
    victim.start((AFTER, "accepted"))
    fake.ledger.wait_for("ended")
    victim.kill_at_stop()


def while_the_file_arrives(victim: Victim, fake: FakeComfyUI) -> None:
    fake.turn(replies={"view": [1, {"drip": 0.2}]})
    victim.start()
    fake.ledger.wait_for("request", route="view")
    victim.kill()


def after_all_is_made(victim: Victim, fake: FakeComfyUI) -> None:
    victim.start((MADE, ""))
    victim.kill_at_stop()


DEATHS = [
    before_anything_is_saved,
    before_it_is_sent,
    before_the_submission_arrives,
    while_the_answer_is_awaited,
    before_the_acceptance_is_saved,
    while_it_waits,
    while_it_runs,
    after_it_has_ended,
    while_the_file_arrives,
    after_all_is_made,
]


@pytest.mark.parametrize("version", [USUAL, NEW])
@pytest.mark.parametrize("death", DEATHS, ids=[death.__name__ for death in DEATHS])
def test_a_killed_engines_job_is_executed_once(stage: Stage, fakes: Fakes, death: Death, version: str) -> None:
    fake = fakes(version=version)
    victim = Victim(stage, fake)
    death(victim, fake)
    made = victim.finish()

    fake.ledger.wait_for("ended", times=2 if death is before_the_submission_arrives else 1)
    [job] = fake.ledger.ids("submitted")
    assert fake.ledger.executions() == 1
    assert len([path for path in fake.files() if "victim" in path.name]) == 1
    assert made["num_frames"] == 5
    assert (made["facts"]["request_id"], made["facts"]["comfyui"]) == (job, version)
    assert made["facts"]["adjusted"] == {"num_frames": [6, 5]}
    assert made["facts"]["sent"]["seed"] == 42
    assert ended(fake, job)["status"]["completed"] is True


def test_deaths_in_a_row_change_nothing(stage: Stage, fakes: Fakes) -> None:
    fake = fakes(version=OLD)
    victim = Victim(stage, fake)
    for death in (before_it_is_sent, before_the_acceptance_is_saved, after_it_has_ended, while_the_file_arrives):
        death(victim, fake)
    victim.finish()
    assert fake.ledger.executions() == 1


@pytest.mark.parametrize("death", [before_the_submission_arrives, while_it_waits, while_it_runs, after_it_has_ended])
def test_a_killed_engines_job_goes_on_where_it_was(stage: Stage, fakes: Fakes, death: Death) -> None:
    """The first ComfyUI, which was down, is back for the next life: who has the job is asked before it all the same."""
    first, second = fakes(), fakes()
    victim = Victim(stage, first, second)
    first.die()
    death(victim, second)
    first.rise()
    made = victim.finish()
    assert (first.ledger.executions(), second.ledger.executions()) == (0, 1)
    assert first.ledger.count("submitted") == 0
    assert made["facts"]["provider"] == f"127.0.0.1:{second.port}"
