// The prompts that were sent from this browser, newest first.

import { html, signal } from "./vendor.js";
import * as draft from "./draft.js";
import { ClockIcon } from "./icons.js";
import { Menu } from "./menu.js";

const NAME = "reelwright.prompts";
const MOST = 60;

const prompts = signal([]);
try {
  prompts.value = JSON.parse(localStorage.getItem(NAME)) || [];
} catch {
  localStorage.removeItem(NAME);
}

function keep(list) {
  prompts.value = list.slice(0, MOST);
  localStorage.setItem(NAME, JSON.stringify(prompts.value));
}

export const note = (prompt) => keep([prompt, ...prompts.value.filter((other) => other !== prompt)]);

export function History() {
  if (!prompts.value.length) return null;
  const use = (prompt) => {
    draft.prompt.value = prompt;
    document.getElementById("prompt").focus();
  };
  return html`
    <${Menu} label="Earlier prompts" look="bare-menu" face=${html`<${ClockIcon} />`}>${() => html`
      <ul class="lines" aria-label="Earlier prompts">
        ${prompts.value.map((prompt) => html`
          <li key=${prompt}><button type="button" data-close onClick=${() => use(prompt)}>${prompt}</button></li>`)}
      </ul>
      <button type="button" class="text-button" data-close onClick=${() => keep([])}>Forget them</button>`}
    <//>`;
}
