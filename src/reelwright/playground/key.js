// The API key: asked for when the server wants one, kept in this tab's session and nowhere else.

import { html, signal, useEffect, useRef } from "./vendor.js";
import { KeyIcon } from "./icons.js";

const NAME = "reelwright.key";

export const key = signal(sessionStorage.getItem(NAME) || "");

/** The question that is open, or null: {answered, promise, refused}. */
const question = signal(null);

/** Resolves once the user has given a key. Calls that wait at the same time share one question. */
export function askForKey() {
  if (!question.value) {
    let answered;
    const promise = new Promise((resolve) => (answered = resolve));
    question.value = { answered, promise, refused };
  }
  return question.value.promise;
}

let refused = false;

/** The server refused what was sent with this header. A key that was entered meanwhile stays. */
export function forgetKey(header = "") {
  refused = Boolean(header);
  if (header && header !== `Bearer ${key.value}`) return;
  key.value = "";
  sessionStorage.removeItem(NAME);
}

function give(value) {
  key.value = value;
  sessionStorage.setItem(NAME, value);
  const { answered } = question.value;
  question.value = null;
  answered();
}

export function KeyDialog() {
  const dialog = useRef(null);
  const open = question.value;
  useEffect(() => {
    if (open) dialog.current.showModal();
  }, [open]);
  if (!open) return null;
  const submit = (event) => {
    event.preventDefault();
    const value = new FormData(event.target).get("key").trim();
    if (value) give(value);
  };
  return html`
    <dialog class="slip" ref=${dialog} aria-labelledby="key-title" onCancel=${(event) => event.preventDefault()}>
      <form onSubmit=${submit}>
        <${KeyIcon} />
        <h2 id="key-title">This server asks for a key</h2>
        <p>${open.refused ? "That key was refused. Check it and try again." : "Whoever runs it can give you one."}
          ${" "}It stays in this tab and is forgotten when you close it.</p>
        <label for="key">API key</label>
        <input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required autofocus />
        <button class="go">Continue</button>
      </form>
    </dialog>`;
}
