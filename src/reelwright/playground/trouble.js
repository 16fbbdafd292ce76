// What went wrong, in plain words, and what helps. By the server's stable error codes.

import { html } from "./vendor.js";

const WORDS = {
  unreachable: ["The server does not answer", "Start it with `reelwright serve`. This page goes on by itself when it is back."],
  forbidden: ["The server refuses this page", "Add the page's address to CLIENT_URL and restart the server."],
  rate_limited: ["Too many requests", "Wait a little and try again."],
  quota_exceeded: ["This key's share is used up", ""],
  queue_full: ["The queue is full", "Wait until some videos are done, or cancel one that you no longer need."],
  unavailable: ["The server is busy", "Try again in a moment."],
  storage_full: ["The server's disk is full", "Delete videos that you no longer need, then try again."],
  body_too_large: ["That is too much to send", "Use a smaller picture."],
  engine_not_configured: ["This engine is not set up", "Choose another model, or run `reelwright doctor` on the server."],
  model_not_ready: ["This model is not ready", ""],
  upstream_unauthorized: ["The provider refused the token or the key", "Put a valid one into .env and restart the server; `reelwright doctor` tests it."],
  upstream_forbidden: ["The token may not use this model", "Allow the token to call inference providers, or accept the model's terms."],
  upstream_not_found: ["The model is not there at the moment", "Choose another model, or try again in a few minutes."],
  upstream_payment_required: ["No credit left at the provider", "Top the account up, or choose another model."],
  upstream_rate_limited: ["The provider asks to slow down", "Wait a few minutes and try again."],
  upstream_loading: ["The model is still loading", "Try again in a minute or two."],
  upstream_empty: ["The provider sent nothing back", "Try again."],
  upstream_error: ["The provider failed", "Try again, or choose another model."],
  refused: ["The provider refused this prompt", "Reword it and try again."],
  bad_output: ["What came back was not a video", "Try again, or choose another model."],
  timed_out: ["It took too long", "Choose a shorter length or a lower quality, then try again."],
  unknown_outcome: ["The connection broke half-way", "Try again."],
  out_of_memory: ["Not enough memory", "Choose a lower quality or a shorter length, then try again."],
  engine_crashed: ["The engine crashed", "Try again. If it happens every time, choose a lower quality."],
  engine_failed: ["The engine failed", "Try again, or choose another model."],
  cancelled: ["Cancelled", ""],
  corrupt: ["The stored file is damaged", "Generate the video again."],
  internal: ["Something broke on the server", "Try again. The server's log has the details."],
};

/** {code, title, detail, remedy} for an error of a call or of a video ({code, message}). */
export function explain({ code, message = "", retryAfter }) {
  const [title, advice] = WORDS[code] || [message, ""];
  const remedy = retryAfter ? `Try again in ${wait(retryAfter)}.` : advice;
  return { code, title, detail: repeats(title, message) || code === "cancelled" ? "" : message, remedy };
}

/** A sentence in which `commands` stand out. */
export const Told = ({ text }) => text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

function repeats(title, message) {
  const bare = (text) => text.toLowerCase().replace(/[^a-z ]/g, "").trim();
  return bare(title) === bare(message);
}

function wait(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}
