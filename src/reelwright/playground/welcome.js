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
  const card = draft.known.value[0];
  if (dismissed.value || !card || card.generative_ai) return null;
  return html`
    <aside class="welcome" aria-label="About this server">
      <div>
        <h2>This is a sketch, not AI</h2>
        <p>The ${card.title} engine draws the words it knows (sea, city, forest, snow, sunset …) with plain mathematics,
          offline and in about a second. Everything else on this page is the real thing.</p>
      </div>
      <div>
        <h2>For AI video</h2>
        <p>Put <code>HF_TOKEN=hf_…</code> into <code>.env</code> and restart. Or, with a GPU in this machine,
          ${" "}<code>pip install "reelwright[local]"</code>.</p>
      </div>
      <button type="button" class="bare" aria-label="Dismiss" onClick=${dismiss}><${CloseIcon} /></button>
    </aside>`;
}
