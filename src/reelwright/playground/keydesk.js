// The admin's page: the keys, made, changed, rotated and revoked. A key's text is shown once.

import { html, signal, useEffect, useRef } from "./vendor.js";
import { ago, Button, change, keys, own, Section, Table } from "./desk.js";
import { replace } from "./key.js";
import { copy } from "./toast.js";

const LIMITS = {
  requests_per_minute: "Requests a minute",
  waiting: "Waiting jobs",
  running: "Running jobs",
  video_seconds_per_day: "Seconds of video a day",
  pixel_frames_per_day: "Pixels × frames a day",
  stored_bytes: "Stored bytes",
};
const SCOPES = ["generate", "read", "admin"];
const DAY_S = 86400;

/** The answer that shows a key's text. */
const issued = signal(null);
/** The key whose dialog is open, or null. */
const opened = signal(null);

const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

const stateOf = ({ revoked_at, expires_at }) => {
  if (revoked_at) return "revoked";
  if (!expires_at) return "good";
  return expires_at * 1000 < Date.now() ? "expired" : `until ${day(expires_at)}`;
};

/** What a form says of a key, by the API's names. */
function told(form) {
  const fields = new FormData(form);
  const limits = Object.keys(LIMITS)
    .map((name) => [name, fields.get(name).trim()])
    .filter(([, most]) => most)
    .map(([name, most]) => [name, most === "none" ? null : Number(most)]);
  return { fields, name: fields.get("name"), scopes: fields.getAll("scope"), limits: Object.fromEntries(limits) };
}

function show(answer) {
  issued.value = answer;
  requestAnimationFrame(() => document.getElementById("issued")?.scrollIntoView({ block: "center" }));
}

const Scopes = ({ has }) => html`
  <fieldset aria-label="What it may do">
    ${SCOPES.map((name) => html`<label key=${name}><input type="checkbox" name="scope" value=${name} defaultChecked=${has.includes(name)} />${name}</label>`)}
  </fieldset>`;

/** One field a limit; empty where the server's own counts. `key`: whose they are, if there is one already. */
const Limits = ({ of: key }) => html`
  <div class="fields">
    ${Object.entries(LIMITS).map(([name, label]) => html`
      <label key=${name}>${label}
        <input name=${name} inputmode="numeric" pattern="[1-9][0-9]*|none" title="A whole number, or none for no limit" autocomplete="off"
          defaultValue=${key && name in key.own_limits ? (key.own_limits[name] ?? "none") : ""} placeholder="the server’s" /></label>`)}
  </div>`;

export function Keys() {
  const rows = keys.value.map((key) => {
    const state = stateOf(key);
    const limits = Object.entries(key.own_limits).map(([name, most]) => `${LIMITS[name].toLowerCase()}: ${most?.toLocaleString("en") ?? "any"}`).join(", ");
    return [key.id, [
      key.name, key.scopes.join(", "), limits, state, key.last_used_at ? ago(key.last_used_at) : "never",
      !key.revoked_at && html`<${Button} label="Change ${key.name}" onClick=${() => (opened.value = key)}>Change<//>`,
    ], state === "revoked" || state === "expired" ? "gone" : ""];
  });
  return html`
    <${Section} title="Keys" note="of the database">
      <${Issued} />
      <${Table} label="Keys" columns=${["Name", "May", "Own limits", "State", "Used", ""]} rows=${rows} none="There are none." />
      <${NewKey} />
      ${opened.value && html`<${OneKey} key=${opened.value.id} of=${opened.value} />`}
    <//>`;
}

function NewKey() {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { fields, ...wish } = told(form);
    const days = Number(fields.get("days"));
    const use = (answer) => {
      show(answer);
      form.reset();
    };
    await change("POST", "v1/keys", "A key was made", { body: {
      ...wish,
      ...(fields.get("owner") && { owner: fields.get("owner") }),
      ...(days && { expires_at: Math.floor(Date.now() / 1000 + days * DAY_S) }),
    }, use });
  };
  return html`
    <form onSubmit=${submit}>
      <label>Name <input name="name" required maxlength="100" placeholder="Ann, or a program" autocomplete="off" /></label>
      <label>Owner <input name="owner" maxlength="64" placeholder="itself" autocomplete="off" /></label>
      <label>Days it is good for <input name="days" type="number" min="1" placeholder="no end" /></label>
      <${Scopes} has=${["generate", "read"]} />
      <button class="go">Make a key</button>
      <details>
        <summary>Limits of its own</summary>
        <${Limits} />
      </details>
    </form>`;
}

/** Everything that can be done with one key. */
function OneKey({ of: key }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  const path = `v1/keys/${key.id}`;
  const close = () => dialog.current.close();
  const save = async (event) => {
    event.preventDefault();
    const { fields, ...wish } = told(event.target);
    const until = fields.get("until");
    const expires_at = until === (key.expires_at ? day(key.expires_at) : "") ? key.expires_at : until ? Date.parse(until) / 1000 + DAY_S - 1 : null;
    if (await change("POST", path, `The key of ${key.name} is changed`, { body: { ...wish, expires_at } })) close();
  };
  const rotate = async (event) => {
    event.preventDefault();
    const keep_s = Math.round(Number(new FormData(event.target).get("hours")) * 3600);
    const use = (answer) => {
      if (key.id === own.value) replace(answer.key);
      close();
      show(answer);
    };
    await change("POST", `${path}/rotate`, `${key.name} has a new text`, { body: { keep_s }, use });
  };
  const revoke = async () => {
    if (!confirm(`Revoke the key of ${key.name}? It ends at once.`)) return;
    if (await change("DELETE", path, `The key of ${key.name} is revoked`)) close();
  };
  return html`
    <dialog class="slip one-key" ref=${dialog} aria-labelledby="one-key" onClose=${() => (opened.value = null)}>
      <h2 id="one-key">${key.name}</h2>
      <p>${key.id} · begins with ${key.hint} · since ${day(key.created_at)}</p>
      <form onSubmit=${save}>
        <label>Name <input name="name" required maxlength="100" defaultValue=${key.name} autocomplete="off" /></label>
        <label>Last day <input name="until" type="date" defaultValue=${key.expires_at ? day(key.expires_at) : ""} /></label>
        <${Scopes} has=${key.scopes} />
        <${Limits} of=${key} />
        <p class="fine">An empty limit is the server’s own; none is no limit.</p>
        <div class="ways"><button class="go">Save</button><button type="button" class="plain" onClick=${close}>Cancel</button></div>
      </form>
      <form onSubmit=${rotate}>
        <label>Hours that the present key stays good <input name="hours" type="number" min="0" max="720" step="any" defaultValue="0" required /></label>
        <button class="plain">Give it another text</button>
        <${Button} bad onClick=${revoke}>Revoke<//>
      </form>
    </dialog>`;
}

function Issued() {
  if (!issued.value) return html`<div id="issued"></div>`;
  const { name, key } = issued.value;
  return html`
    <div id="issued" class="once" role="status">
      <b>The key of ${name}.</b> It is shown this once.
      <code>${key}</code>
      <${Button} onClick=${() => copy(key, "Key")}>Copy<//>
      <${Button} onClick=${() => (issued.value = null)}>I have it<//>
    </div>`;
}
