// What the parts of the admin's page share: what the server says, how it is changed, how a table is drawn.

import { html, signal } from "./vendor.js";
import { json } from "./api.js";
import { may, scopes } from "./scopes.js";
import { tell } from "./toast.js";

export const line = signal(null);
export const keys = signal([]);
export const used = signal([]);
/** The id of the key that this page uses. */
export const own = signal("");
export const trouble = signal("");
/** The server refuses this key: nothing more is asked for. */
export const refused = signal(false);

export const bytes = (number) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(number, 1)) / 3));
  return `${(number / 1000 ** step).toLocaleString("en", { maximumFractionDigits: 1 })} ${units[step]}`;
};
export const span = (seconds) => {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.round(seconds))} s`;
};
export const ago = (seconds) => `${span(Date.now() / 1000 - seconds)} ago`;
export const nameOf = (id) => keys.value.find((key) => key.id === id)?.name || id || "no key";

export async function look() {
  try {
    let use;
    [line.value, { data: keys.value }, use] = await Promise.all([
      json("GET", "v1/admin/line"), json("GET", "v1/keys"), json("GET", "v1/usage"),
    ]);
    used.value = use.data;
    own.value = use.key;
    trouble.value = "";
  } catch (error) {
    if (error.code === "forbidden") refuse(error.message);
    else trouble.value = error.message;
  }
}

/** Show nothing, and say why. */
export function refuse(why) {
  refused.value = true;
  line.value = null;
  const { length } = scopes.value || [];
  trouble.value = length && !may("admin") ? `This page is for keys with the scope admin. This key has: ${scopes.value.join(", ")}.` : why;
}

/** Change something, say so, and show what came of it. `use`: takes the answer, before anything else is asked for. */
export async function change(method, address, said, { body, use } = {}) {
  try {
    const answer = await json(method, address, body);
    use?.(answer);
    tell(said, { ms: 3000 });
    return answer;
  } catch (error) {
    tell(error.message);
    return null;
  } finally {
    await look();
  }
}

export function Section({ title, note, children }) {
  return html`<section aria-label=${title}><h2>${title} <small>${note}</small></h2>${children}</section>`;
}

/** `columns`: names; one that begins with # holds numbers. `rows`: [key, cells, class]. */
export function Table({ label, columns, rows, none }) {
  if (!rows.length) return html`<p class="none">${none}</p>`;
  const kind = (column) => (column.startsWith("#") ? "number" : "");
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="${label}, all columns">
      <table>
        <thead><tr>${columns.map((column) => html`<th class=${kind(column)}>${column.replace("#", "") || html`<span class="unseen">Actions</span>`}</th>`)}</tr></thead>
        <tbody>
          ${rows.map(([key, cells, shown]) => html`
            <tr key=${key} class=${shown}>${cells.map((cell, place) => html`<td class=${kind(columns[place])}>${cell}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>`;
}

export function Button({ bad, label, children, ...more }) {
  return html`<button type="button" class=${bad ? "small bad" : "small"} aria-label=${label} ...${more}>${children}</button>`;
}
