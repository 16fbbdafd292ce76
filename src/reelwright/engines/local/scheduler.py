"""The watched scheduler: how one run of a diffusers pipeline is followed, stopped and taken up again.

Every diffusers pipeline asks its scheduler for the steps and calls it once a step, whatever else it is. So the run gets
a copy of the pipeline's scheduler that tells a watcher of every call. To go on from a snapshot the same pipeline is
called with the same inputs and the saved latents: the watched scheduler offers only the remaining steps, leaves the
latents unscaled, and at its first use takes the saved state. Everything before the loop (encoders, conditions) runs
again, which is deterministic.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from reelwright.engines.local.checkpoint import pack, unpack

_WATCHER = "_reelwright_watcher"
_FRESH = "_reelwright_fresh"


class Watcher(Protocol):
    """Follows one run. Whatever a method raises ends the run."""

    skip: int
    """How many scheduler calls an earlier attempt has done already."""

    def scheduled(self, calls: int) -> None:
        """The pipeline has set its schedule: `calls` scheduler calls in all, the skipped ones included."""
        ...

    def begins(self) -> Mapping[str, Any] | None:
        """Before the first use in the loop: the packed scheduler state to go on from, if any."""
        ...

    def stepped(self, estimate: torch.Tensor) -> None:
        """After a call. `estimate`: the finished latents as far as they can be told now."""
        ...


def watched(scheduler: Any, watcher: Watcher) -> Any:
    """A copy of `scheduler`, still an instance of its class, that tells `watcher` of each call."""
    clone = copy.deepcopy(scheduler)
    clone.__class__ = _watched_class(type(scheduler))
    setattr(clone, _WATCHER, watcher)
    return clone


def state_of(scheduler: Any) -> dict[str, Any]:
    """The packed attributes by which a watched scheduler of the same class can go on."""
    return pack(
        {name: value for name, value in vars(scheduler).items() if name not in (_WATCHER, _FRESH, "_internal_dict")}
    )


def _watched_class(kind: Any) -> type[Any]:
    members = {
        "set_timesteps": _watched_set_timesteps(kind.set_timesteps),
        "step": _watched_step(kind.step),
        "init_noise_sigma": property(_noise_sigma, _set_noise_sigma),
        "__deepcopy__": _unwatched_copy,
    }
    if "scale_model_input" in dir(kind):
        members["scale_model_input"] = _watched_scale(kind.scale_model_input)
    return type(kind.__name__, (kind,), members)


# Pipelines look at the signatures of these methods to learn what the scheduler takes: `wraps` keeps them.


def _watched_set_timesteps(original: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(original)
    def set_timesteps(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        watcher = _watcher(self)
        watcher.scheduled(len(self.timesteps))
        self.timesteps = self.timesteps[watcher.skip :]
        setattr(self, _FRESH, True)

    return set_timesteps


def _watched_scale(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def scale_model_input(self: Any, *args: Any, **kwargs: Any) -> Any:
        _begin(self)
        return original(self, *args, **kwargs)

    return scale_model_input


def _watched_step(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def step(self: Any, model_output: Any, timestep: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
        _begin(self)
        sigma = _flow_sigma(self)
        result = original(self, model_output, timestep, sample, *args, **kwargs)
        _watcher(self).stepped(_estimate(result, model_output, sample, sigma))
        return result

    return step


def _noise_sigma(self: Any) -> Any:
    # Saved latents carry their noise level already.
    if _watcher(self).skip:
        return 1.0
    own = vars(self).get("init_noise_sigma")
    return own if own is not None else super(type(self), self).init_noise_sigma


def _set_noise_sigma(self: Any, value: Any) -> None:
    vars(self)["init_noise_sigma"] = value


def _unwatched_copy(self: Any, memo: dict[int, Any]) -> Any:
    """A pipeline that copies its scheduler (for sound) gets an unwatched one."""
    kind: Any = type(self).__mro__[1]
    plain = kind.__new__(kind)
    vars(plain).update(copy.deepcopy({name: v for name, v in vars(self).items() if name != _WATCHER}, memo))
    return plain


def _watcher(scheduler: Any) -> Watcher:
    watcher: Watcher = vars(scheduler)[_WATCHER]
    return watcher


def _begin(scheduler: Any) -> None:
    if not vars(scheduler).pop(_FRESH, False):
        return
    state = _watcher(scheduler).begins()
    if state is not None:
        device = scheduler.timesteps.device
        vars(scheduler).update(_like(unpack(state), vars(scheduler), device))


def _like(state: Mapping[str, Any], fresh: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Tensors go where the fresh schedule has its own; those it has not yet (earlier outputs) go to `device`."""
    return {name: _moved(value, fresh.get(name), device) for name, value in state.items()}


def _moved(value: Any, fresh: Any, device: torch.device) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_moved(item, None, device) for item in value)
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(fresh.device if isinstance(fresh, torch.Tensor) else device)


def _flow_sigma(scheduler: Any) -> Any:
    """The noise level of the step about to be done, for flow-matching schedulers; None for others."""
    if scheduler.config.get("use_flow_sigmas") or "FlowMatch" in type(scheduler).__name__:
        return scheduler.sigmas[scheduler.step_index or 0]
    return None


def _estimate(result: Any, model_output: torch.Tensor, sample: torch.Tensor, sigma: Any) -> torch.Tensor:
    """The scheduler's own estimate of the result where it gives one; x − σ v for flow matching; else the sample."""
    values = result if isinstance(result, tuple) else tuple(result.values())
    if len(values) > 1 and isinstance(values[1], torch.Tensor):
        return values[1]
    if sigma is not None:
        flow: torch.Tensor = sample - sigma.to(sample.device) * model_output
        return flow
    previous: torch.Tensor = values[0]
    return previous
