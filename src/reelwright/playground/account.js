// Which key is used, what is left of its share, and the way out.

import { html, signal, useEffect } from "./vendor.js";
import * as api from "./api.js";
import { KeyIcon } from "./icons.js";
import { key, remembered, signOut } from "./key.js";
import { Menu } from "./menu.js";

/** By limit: {most, left}. Empty where the key has none. */
const limits = signal({});

function Card() {
  useEffect(() => {
    api.usage().then((told) => (limits.value = told.limits || {}), () => {});
  }, []);
  const shares = Object.entries(limits.value).map(([name, { most, left }]) =>
    html`<li key=${name}>${left.toLocaleString()} of ${most.toLocaleString()} ${name.replace("-", " ")} left</li>`);
  return html`
    <div class="key-card">
      <p>You use the key that ends in <b>${key.value.slice(-4)}</b>.</p>
      <p class="soft">${remembered.value ? "It is remembered on this device." : "It is kept in this tab only."}</p>
      ${shares.length > 0 && html`<ul class="soft">${shares}</ul>`}
      <button type="button" class="plain" onClick=${signOut}>Sign out</button>
    </div>`;
}

export function KeyMenu() {
  if (!key.value) return null;
  const face = html`<${KeyIcon} /><span class="key-end">…${key.value.slice(-4)}</span>`;
  return html`<${Menu} label="API key" look="right bare-menu" face=${face}>${() => html`<${Card} />`}<//>`;
}
