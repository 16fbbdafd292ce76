// Follows the videos in the making: a stream of events for the first ones, a look now and then for the others.

import { effect, signal } from "./vendor.js";
import * as api from "./api.js";
import { objectUrl } from "./image.js";
import { asking } from "./key.js";
import { may } from "./scopes.js";
import * as videos from "./videos.js";
import { announce } from "./toast.js";

// A browser opens six connections to a server, for all its tabs together.
const MOST_STREAMS = 2;
const LOOK_MS = 2000;
const IDLE_LOOKS = 3;
const ENOUGH_PERCENT = 5;
const ENOUGH_MS = 1500;

/** Ticks once a second while something is in the making: what shows time reads it. */
export const now = signal(Date.now());

const streams = new Map();
const lastEvents = new Map();
const previews = new Map();
const paces = new Map();

/** A signal with an object URL of the newest preview, or "". */
export function preview(id) {
  if (!previews.has(id)) previews.set(id, signal(""));
  return previews.get(id);
}

/** Seconds to the end, from the progress measured so far; null until that says something. */
export function secondsLeft(video) {
  const pace = paces.get(video.id);
  if (!pace) return null;
  const percent = pace.last - pace.first;
  const ms = pace.lastAt - pace.firstAt;
  if (percent < ENOUGH_PERCENT || ms < ENOUGH_MS) return null;
  return Math.max(0, ((100 - pace.last) * ms) / percent - (now.value - pace.lastAt)) / 1000;
}

/** Start following, for as long as the page lives. Hidden tabs leave the connections to the others. */
export function start() {
  effect(() => {
    const wanted = videos.active.value;
    adjust(document.hidden ? [] : wanted);
  });
  setInterval(() => {
    if (videos.active.value.length) now.value = Date.now();
  }, 1000);
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", () => {
    adjust(document.hidden ? [] : videos.active.peek());
    idle = IDLE_LOOKS - 1;
    look();
  });
}

function adjust(wanted) {
  const first = [...wanted].sort((a, b) => (a.status === b.status ? (a.id < b.id ? -1 : 1) : a.status === "queued" ? 1 : -1));
  const ids = new Set(first.slice(0, MOST_STREAMS).map((video) => video.id));
  for (const [id, stop] of streams) if (!ids.has(id)) end(id, stop);
  for (const id of ids) if (!streams.has(id)) follow(id);
}

function end(id, stop) {
  stop.abort();
  streams.delete(id);
}

async function follow(id) {
  const stop = new AbortController();
  streams.set(id, stop);
  try {
    for await (const event of api.events(id, { after: lastEvents.get(id), signal: stop.signal })) {
      if (event.id) lastEvents.set(id, event.id);
      heard(id, event);
    }
  } catch {
    // Broken or stopped: the look goes on without the stream.
  }
  // The next look opens a new one, should there still be something to follow.
  setTimeout(() => streams.get(id) === stop && streams.delete(id), LOOK_MS);
}

function heard(id, { kind, data }) {
  if (kind === "preview") showPreview(id, data.image);
  else heardOf(data);
}

function showPreview(id, uri) {
  const shown = preview(id);
  if (shown.value) URL.revokeObjectURL(shown.value);
  shown.value = objectUrl(uri);
}

function heardOf(video) {
  const before = videos.known(video.id);
  if (video.status === "in_progress") measure(video);
  videos.take([video]);
  if (before && videos.isActive(before) && !videos.isActive(video)) ended(video);
}

function measure({ id, progress }) {
  const at = Date.now();
  const pace = paces.get(id);
  if (!pace || progress < pace.last) paces.set(id, { first: progress, firstAt: at, last: progress, lastAt: at });
  else if (progress > pace.last) Object.assign(pace, { last: progress, lastAt: at });
}

function ended(video) {
  paces.delete(video.id);
  lastEvents.delete(video.id);
  const shown = previews.get(video.id);
  if (shown?.value) URL.revokeObjectURL(shown.value);
  previews.delete(video.id);
  const end = video.status === "completed" ? "Ready" : video.error?.code === "cancelled" ? "Cancelled" : "Failed";
  announce(`${end}: ${video.prompt}`);
}

let idle = 0;

/** While something is in the making, or the server is away, a look each time; else now and then: videos come from
 * elsewhere, too. */
async function look() {
  const waiting = videos.active.value;
  idle = waiting.length || !api.reachable.value ? 0 : (idle + 1) % IDLE_LOOKS;
  if (document.hidden || idle || asking() || !may("read")) return;
  const told = await videos.refresh().catch(() => null);
  if (!told) return;
  told.forEach(heardOf);
  const seen = new Set(told.map((video) => video.id));
  for (const video of waiting) if (!seen.has(video.id)) api.get(video.id).then(heardOf, () => {});
  adjust(videos.active.value);
}
