// The server's public API: v1/videos, v1/models, health, all relative to the page, which may lie under a prefix.
// Nothing here knows what the page looks like.

import { signal } from "./vendor.js";
import { askForKey, forgetKey, key } from "./key.js";

/** A call that went wrong. `code` is the server's stable name of it, or "unreachable". `retryAfter` is in seconds. */
class ApiError extends Error {
  constructor({ message, code, param = null, status = 0, retryAfter = null }) {
    super(message);
    Object.assign(this, { code, param, status, retryAfter });
  }
}

/** False from the first call that found no server until the next one that did. */
export const reachable = signal(true);

export const models = () => json("GET", "v1/models").then((body) => 
  body.data.map(({ card, refinements }) => ({ ...card, refinements })));
export const usage = () => json("GET", "v1/usage");
/** What the engines' processes warn of, by engine. */
export async function warnings() {
  const { engines = {} } = await json("GET", "health");
  const found = Object.entries(engines).map(([engine, states]) => [engine, states.map((state) => state.warning).find(Boolean)]);
  return Object.fromEntries(found.filter(([, warning]) => warning));
}
export const create = (wish) => json("POST", "v1/videos", wish);
export const resume = (id) => json("POST", `${path(id)}/resume`, {});
export const remix = (id, prompt) => json("POST", `${path(id)}/remix`, { prompt });
export const extend = (id, wish) => json("POST", "v1/videos/extensions", { ...wish, video: { id } });
export const get = (id) => json("GET", path(id));
export const cancel = (id) => json("POST", `${path(id)}/cancel`);
export const remove = (id, { keepalive } = {}) => call("DELETE", path(id), { keepalive });
export const contentPath = (id, variant) => `${path(id)}/content${variant ? `?variant=${variant}` : ""}`;
export const content = (address) => call("GET", address).then((response) => response.blob());

export const annotate = (id, metadata) => json("POST", path(id), { metadata });
export const share = (id, days) => json("POST", `${path(id)}/share`, { days });

/**
 * One page of the list, newest first: {data, last_id, has_more}. `after`: the id that the page before ended with;
 * `sought`: what narrows it, by the server's names, and `favourite`.
 */
export function list({ after, limit, sought: { favourite, ...sought } = {} }) {
  const told = { order: "desc", limit, after, ...sought, "metadata[favourite]": favourite && "yes" };
  const query = new URLSearchParams(Object.entries(told).filter(([, value]) => value));
  return json("GET", `v1/videos?${query}`);
}

/** What happens to a video, as {id, kind, data}, until the stream ends. EventSource could not send the key. */
export async function* events(id, { after, signal: stop }) {
  const headers = { Accept: "text/event-stream", ...(after && { "Last-Event-ID": after }) };
  const response = await call("GET", `${path(id)}/events`, { headers, signal: stop });
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
    text = blocks.pop();
    for (const event of blocks.map(parseEvent)) if (event.data) yield event;
  }
}

function parseEvent(block) {
  const fields = { data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^(\w+): ?(.*)$/) || [];
    if (name) fields[name] = name === "data" ? fields.data + value : value;
  }
  return { id: fields.id, kind: fields.event, data: fields.data && parse(fields.data) };
}

const path = (id) => `v1/videos/${encodeURIComponent(id)}`;

export async function json(method, address, body) {
  return parse(await (await call(method, address, { body })).text());
}

async function call(method, address, { body, headers = {}, ...options } = {}) {
  const sent = { ...headers, ...(key.value && { Authorization: `Bearer ${key.value}` }) };
  if (body) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address, { method, headers: sent, body: body && stringify(body), ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    reachable.value = false;
    throw new ApiError({ code: "unreachable", message: "The server does not answer." });
  }
  reachable.value = true;
  if (response.ok) return response;
  if (response.status !== 401) throw await problem(response);
  forgetKey(sent.Authorization);
  await askForKey();
  return call(method, address, { body, headers, ...options });
}

async function problem(response) {
  const body = await response.json().catch(() => ({}));
  const said = body.error || {};
  return new ApiError({
    message: said.message || (typeof said === "string" && said) || `The server answered ${response.status}.`,
    code: said.code || "internal",
    param: said.param,
    status: response.status,
    retryAfter: Number(response.headers.get("Retry-After")) || null,
  });
}

// A seed may have 63 bits, a JavaScript number has 53: here a seed is a string, on the wire it is a number. The quote
// before the colon cannot stand inside a JSON string, where it would be escaped.
const parse = (text) => JSON.parse(text.replace(/"seed": ?(\d+)/g, '"seed":"$1"'));
const stringify = (body) => JSON.stringify(body).replace(/"seed":"(\d+)"/, '"seed":$1');
