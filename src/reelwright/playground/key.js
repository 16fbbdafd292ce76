// The API key: asked for when the server wants one, kept in this tab's session, or on this device if the user says so.

import { html, signal, useEffect, useRef } from "./vendor.js";
import { KeyIcon } from "./icons.js";

const NAME = "reelwright.key";

/** Whether it is kept on this device, not in this tab only. */
export const remembered = signal(Boolean(localStorage.getItem(NAME)));
export const key = signal(sessionStorage.getItem(NAME) || localStorage.getItem(NAME) || "");

/** The question that is open, or null: {answered, promise}. */
const question = signal(null);
/** Whether the key that was given last was refused. */
const refused = signal(false);
export const asking = () => Boolean(question.value);

/** Resolves once the user has given a key. Calls that wait at the same time share one question. */
export function askForKey() {
  if (!question.value) {
    let answered;
    const promise = new Promise((resolve) => (answered = resolve));
    question.value = { answered, promise };
  }
  return question.value.promise;
}

/** The server refused what was sent with this header. A key that was entered meanwhile stays. */
export function forgetKey(header = "") {
  if (header && header !== `Bearer ${key.value}`) return;
  if (header) refused.value = true;
  forget();
}

function forget() {
  key.value = "";
  remembered.value = false;
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
}

/** That is the key from now on, kept where the one before was. */
export function replace(value) {
  key.value = value;
  refused.value = false;
  (remembered.value ? localStorage : sessionStorage).setItem(NAME, value);
}

function give(value, remember) {
  remembered.value = remember;
  replace(value);
  const { answered } = question.value;
  question.value = null;
  answered();
}

/** Nothing of the videos that this key has shown stays on the page. */
export function signOut() {
  forget();
  location.reload();
}

/** Another tab has signed out, or given the key that this one asks for. */
export function listen() {
  addEventListener("storage", (event) => {
    if (event.key !== NAME) return;
    if (!event.newValue && remembered.value) location.reload();
    else if (event.newValue && question.value) give(event.newValue, true);
  });
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
    const told = new FormData(event.target);
    const value = told.get("key").trim();
    if (value) give(value, told.has("remember"));
  };
  return html`
    <dialog class="slip" ref=${dialog} aria-labelledby="key-title" onCancel=${(event) => event.preventDefault()}>
      <form onSubmit=${submit}>
        <${KeyIcon} />
        <h2 id="key-title">This server asks for a key</h2>
        <p>${refused.value ? "That key was refused. Check it and try again." : "Whoever runs it can give you one."}</p>
        <label for="key">API key</label>
        <input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required autofocus />
        <label class="tick"><input type="checkbox" name="remember" />Remember it on this device</label>
        <button class="go">Continue</button>
        <p class="fine">Otherwise it is forgotten when you close this tab.</p>
      </form>
    </dialog>`;
}
