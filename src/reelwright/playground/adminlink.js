// A link to the admin's page, for keys that may see it.

import { effect, html, signal } from "./vendor.js";
import { usage } from "./api.js";
import { key } from "./key.js";

const shown = signal(false);

effect(() => {
  if (key.value) usage().then((told) => (shown.value = told.scopes.includes("admin")), () => {});
});

export const AdminLink = () => shown.value && html`<a href="admin">Admin</a>`;
