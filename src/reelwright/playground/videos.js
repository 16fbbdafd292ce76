// The videos this page knows, newest first, and what can be done with them.

import { batch, computed, signal } from "./vendor.js";
import * as api from "./api.js";
import { announce, tell } from "./toast.js";
import { explain } from "./trouble.js";

const PAGE = 24;

/** A signal for each video, by id: a tile that reads one is drawn anew when that one changes, and no other. */
const byId = new Map();
const order = signal([]);
/** Deleted on the page, and not yet on the server: they can still be brought back. */
const leaving = signal(new Map());
const cursor = signal(null);

/** "first" until the first page is there, "more" while a page is loading, "all" when there is no more, else "idle". */
export const loading = signal("first");
export const trouble = signal(null);
export const search = signal("");

export const isActive = (video) => video.status === "queued" || video.status === "in_progress";
export const all = computed(() =>
  order.value.filter((id) => !leaving.value.has(id)).map((id) => byId.get(id).value),
);
export const active = computed(() => all.value.filter(isActive));
/** What the search lets through: what is being made first, in the order of its making, then the newest. */
export const found = computed(() => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const waiting = [...active.value].sort((a, b) => stage(a) - stage(b) || (a.id < b.id ? -1 : 1));
  return [...waiting, ...all.value.filter((video) => !isActive(video))].filter((video) => {
    const text = `${video.prompt} ${video.engine} ${video.model} ${video.size}`.toLowerCase();
    return words.every((word) => text.includes(word) || word === String(video.seed));
  });
});
const stage = (video) => (video.status === "in_progress" ? 0 : 1);
export const known = (id) => byId.get(id)?.value;

/** Take in what the server says of some videos; ids are sortable by time. */
export function take(videos) {
  batch(() => {
    const fresh = [];
    for (const video of videos) {
      const mine = byId.get(video.id);
      if (!mine) {
        byId.set(video.id, signal(video));
        fresh.push(video.id);
      } else if (!(isActive(video) && !isActive(mine.value))) {
        mine.value = video;
      }
    }
    if (fresh.length) order.value = [...order.value, ...fresh].sort().reverse();
  });
}

function drop(id) {
  byId.delete(id);
  order.value = order.value.filter((other) => other !== id);
}

/** Load the next page of the list. */
export async function loadMore() {
  if (loading.value === "more" || loading.value === "all") return;
  loading.value = "more";
  try {
    const page = await api.list({ after: cursor.value, limit: PAGE });
    take(page.data);
    cursor.value = page.last_id;
    loading.value = page.has_more ? "idle" : "all";
    trouble.value = null;
  } catch (error) {
    loading.value = "failed";
    trouble.value = error;
  }
}

/** Ask for the newest page again: videos may have come from elsewhere. */
export async function refresh() {
  if (loading.value === "first" || loading.value === "failed") return loadMore();
  const page = await api.list({ limit: PAGE });
  take(page.data);
}

/** The video with this id; null (with a note) when there is none. */
export async function find(id) {
  try {
    if (!byId.has(id)) take([await api.get(id)]);
    return known(id);
  } catch (error) {
    tell(error.status === 404 ? "That video is not there any more." : explain(error).title);
    return null;
  }
}

export async function cancel(video) {
  try {
    take([await api.cancel(video.id)]);
    announce("Cancelled");
  } catch (error) {
    tell(explain(error).title);
  }
}

/** Go on with a video that has failed: a new one takes its place at the front. */
export async function resume(video) {
  try {
    take([await api.resume(video.id)]);
    announce("It goes on");
  } catch (error) {
    tell(explain(error).title);
  }
}

/** Delete a video: at once on the page, on the server when the time to undo is over. */
export function remove(video) {
  const back = () => stay(video.id);
  const note = tell("Deleted", { undo: back, done: () => removeNow(video.id), ms: 7000 });
  leaving.value = new Map(leaving.value).set(video.id, note);
}

async function removeNow(id, options) {
  try {
    await api.remove(id, options);
    drop(id);
  } catch (error) {
    if (error.status === 404) drop(id);
    else tell(`It could not be deleted. ${explain(error).title}.`);
  }
  stay(id);
}

function stay(id) {
  const rest = new Map(leaving.value);
  rest.delete(id);
  leaving.value = rest;
}

/** The page goes away: nothing can be undone any more. */
export function removeRest() {
  for (const id of leaving.value.keys()) removeNow(id, { keepalive: true });
}
