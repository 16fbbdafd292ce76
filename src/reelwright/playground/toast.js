// Short notes at the foot of the page, some with a way back, and the voice that tells screen readers.

import { html, signal } from "./vendor.js";

const notes = signal([]);
const spoken = signal("");
let count = 0;

/** Say something to screen readers only. */
export function announce(text) {
  spoken.value = text;
}

/** Show a note for `ms`. `undo` puts a button on it; without it being pressed, `done` is called at the end. */
export function tell(text, { undo, done, ms = 6000 } = {}) {
  const note = { id: (count += 1), text };
  const close = (then) => {
    clearTimeout(timer);
    if (!notes.value.includes(note)) return;
    notes.value = notes.value.filter((other) => other !== note);
    if (then) then();
  };
  const timer = setTimeout(() => close(done), ms);
  note.undo = undo && (() => close(undo));
  notes.value = [...notes.value, note];
  return { finish: () => close(done) };
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`, { ms: 2500 });
  } catch {
    tell("The browser did not allow copying. It works on https and on localhost.");
  }
}

export function Toasts() {
  return html`
    <div class="toasts" role="status">
      ${notes.value.map((note) => html`
        <p class="toast" key=${note.id}>${note.text}
          ${note.undo && html`<button type="button" onClick=${note.undo}>Undo</button>`}
        </p>`)}
    </div>
    <p class="unseen" aria-live="polite">${spoken.value}</p>`;
}
