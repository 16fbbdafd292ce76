// Says once, and plainly, what makes the videos when no AI does, and how to get one that does.

import { html, signal } from "./vendor.js";
import { CloseIcon } from "./icons.js";
import * as draft from "./draft.js";

const NAME = "reelwright.welcomed";
const dismissed = signal(localStorage.getItem(NAME) === "yes");

function dismiss() {
  dismissed.value = true;
  localStorage.setItem(NAME, "yes");
}

export function Welcome() {
  const card = draft.card.value;
  if (dismissed.value || !card || card.generative_ai) return null;
  return html`
    <aside class="welcome" aria-label="About this server">
      <p><b>This is a sketch, not AI.</b> The ${card.title} engine draws the words it knows (sea, city, forest, snow, sunset …)
        with plain mathematics, offline, within seconds. For AI video
        ${draft.known.value.some((one) => one.generative_ai) ? " choose another model above." : html`<${Remedy} />`}</p>
      <button type="button" class="bare" aria-label="Dismiss" onClick=${dismiss}><${CloseIcon} /></button>
    </aside>`;
}

// One line: a line's end beside a tag is no space.
const Remedy = () => html` put <code>HF_TOKEN=hf_…</code> into <code>.env</code> and restart; or use your ComfyUI, or your own GPU: see “AI video” in the README.`;
