// What the key may do: the page offers that much, and asks for nothing that would be refused.

import { effect, html, signal } from "./vendor.js";
import { usage } from "./api.js";
import { key } from "./key.js";

/** Its scopes; empty where the server asks for no key, null until they are known. */
export const scopes = signal(null);

/** Ask the server. A key that it wants is asked for meanwhile. */
export async function learn() {
  ({ scopes: scopes.value } = await usage());
}

/** Whether it may do that. Nothing, before it is known. */
export const may = (scope) => Boolean(scopes.value) && (!scopes.value.length || scopes.value.includes(scope));

effect(() => {
  // Another key was given in place of one that was refused.
  if (key.value && scopes.peek()) learn().catch(() => {});
});

export const AdminLink = () => scopes.value?.includes("admin") && html`<a href="admin">Admin</a>`;
