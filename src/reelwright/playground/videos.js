// The videos this page knows, newest first, and what can be done with them.

import { batch, computed, signal } from "./vendor.js";
import * as api from "./api.js";
import { announce, tell } from "./toast.js";
import { explain } from "./trouble.js";

const PAGE = 24;
const PAUSE_MS = 250;
const EVERYTHING = { q: "", status: "", model: "", shape: "", favourite: false };

/** A signal for each video, by id: a tile that reads one is drawn anew when that one changes, and no other. */
const byId = new Map();
const order = signal([]);
/** Deleted on the page, and not yet on the server: they can still be brought back. */
const leaving = signal(new Set());

/** What the wall is narrowed to. */
export const sought = signal(EVERYTHING);
/** How many filters are set, the search not counted. */
export const filters = computed(() => Object.entries(sought.value).filter(([name, value]) => name !== "q" && value).length);
export const narrowed = computed(() => Boolean(filters.value || sought.value.q.trim()));
/** Whether the server is still looking for what is sought now. */
export const seeking = signal(false);

/** A list as far as it is loaded. `loading`: "first" before its first page, "more", "idle", "failed", or "all" at its end. */
const newView = (query) => ({ query, ids: signal([]), cursor: null, loading: signal("first"), trouble: signal(null) });
const whole = newView(EVERYTHING);
const view = signal(whole);
export const loading = computed(() => view.value.loading.value);
export const trouble = computed(() => view.value.trouble.value);

export const isActive = (video) => video.status === "queued" || video.status === "in_progress";
const isCancelled = (video) => video.error?.code === "cancelled";
export const isFavourite = (video) => video.metadata?.favourite === "yes";
const there = (ids) => ids.filter((id) => byId.has(id) && !leaving.value.has(id)).map((id) => byId.get(id).value);
export const all = computed(() => there(order.value));
export const active = computed(() => all.value.filter(isActive));
const shown = computed(() => (view.value === whole ? all.value : there(view.value.ids.value)));
/** The wall: what is being made first, in the order of its making, then the newest. */
export const found = computed(() => {
  const waiting = shown.value.filter(isActive).sort((a, b) => stage(a) - stage(b) || (a.id < b.id ? -1 : 1));
  return [...waiting, ...shown.value.filter((video) => !isActive(video) && !isCancelled(video))];
});
export const cancelled = computed(() => shown.value.filter(isCancelled));
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
  order.value = order.value.filter((other) => other !== id);
  byId.delete(id);
}

let timer = 0;

/** Narrow the wall, or widen it again: the server looks through all videos. */
export function seek(changes) {
  sought.value = { ...sought.value, ...changes };
  clearTimeout(timer);
  if (!narrowed.value) {
    view.value = whole;
    seeking.value = false;
    return;
  }
  seeking.value = true;
  timer = setTimeout(look, "q" in changes ? PAUSE_MS : 0);
}

export const seekAll = () => seek(EVERYTHING);

/** The wall stays as it is until there is an answer. */
async function look() {
  const next = newView(sought.value);
  await load(next);
  if (next.query !== sought.value) return;
  view.value = next;
  seeking.value = false;
}

/** Load the next page of what the wall shows. */
export const loadMore = () => load(view.value);

async function load(list) {
  if (["more", "all"].includes(list.loading.value)) return;
  list.loading.value = "more";
  try {
    const page = await api.list({ after: list.cursor, limit: PAGE, sought: list.query });
    batch(() => {
      take(page.data);
      list.ids.value = [...list.ids.value, ...page.data.map((video) => video.id)];
    });
    list.cursor = page.last_id ?? list.cursor;
    list.loading.value = page.has_more ? "idle" : "all";
    list.trouble.value = null;
  } catch (error) {
    list.loading.value = "failed";
    list.trouble.value = error;
  }
}

/** Ask for the newest page again: videos may have come from elsewhere, or gone. Answers what there is of it. */
export async function refresh() {
  if (["first", "failed"].includes(whole.loading.value)) {
    await load(whole);
    if (whole.trouble.value) throw whole.trouble.value;
    return [];
  }
  const before = order.value;
  const page = await api.list({ limit: PAGE });
  const told = new Set(page.data.map((video) => video.id));
  const oldest = page.has_more ? page.last_id : "";
  batch(() => {
    for (const id of before) if (id > oldest && !told.has(id)) drop(id);
  });
  return page.data;
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

async function ask(call, spoken) {
  try {
    take([await call]);
    if (spoken) announce(spoken);
    return true;
  } catch (error) {
    tell(explain(error).title);
    return false;
  }
}

export const cancel = (video) => ask(api.cancel(video.id), "Cancelled");
/** Go on with a video that has failed: a new one takes its place at the front. */
export const resume = (video) => ask(api.resume(video.id), "It goes on");

/** Make a failed video once more, as it was asked for; what is left of it goes when the new one is accepted. */
export async function again(video, wish) {
  const { extended_from_video_id: source } = video;
  let call;
  if (source) call = api.extend(source, wish);
  // Its pictures are on the server only.
  else call = video.has_image || video.has_last_image ? api.remix(video.id, video.prompt) : api.create(wish);
  if (await ask(call, "Accepted. The video is in the queue.")) removeNow(video.id);
}

/** Mark videos as favourites, or as none; it is seen at once. */
export function favour(list, yes) {
  for (const video of list) {
    const metadata = { ...video.metadata, favourite: yes ? "yes" : undefined };
    byId.get(video.id).value = { ...video, metadata };
    ask(api.annotate(video.id, { favourite: yes ? "yes" : null })).then((done) => done || take([video]));
  }
}

/** Delete videos: at once on the page, on the server when the time to undo is over. */
export function remove(...list) {
  const ids = list.map((video) => video.id);
  leaving.value = new Set([...leaving.value, ...ids]);
  const words = list.length > 1 ? `${list.length} videos deleted` : "Deleted";
  tell(words, { undo: () => stay(ids), done: () => ids.forEach((id) => removeNow(id)), ms: 7000 });
}

async function removeNow(id, options) {
  try {
    await api.remove(id, options);
    drop(id);
  } catch (error) {
    if (error.status === 404) drop(id);
    else tell(`It could not be deleted. ${explain(error).title}.`);
  }
  stay([id]);
}

function stay(ids) {
  leaving.value = new Set([...leaving.value].filter((id) => !ids.includes(id)));
}

/** The page goes away: nothing can be undone any more. */
export function removeRest() {
  for (const id of leaving.value) removeNow(id, { keepalive: true });
}
