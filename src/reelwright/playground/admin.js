// The admin's page: everybody's line, the keys, what was used, the disk and the processes. A document of its own.

import { html, render, signal } from "./vendor.js";
import { KeyMenu } from "./account.js";
import { json, reachable } from "./api.js";
import { Mark } from "./icons.js";
import { KeyDialog, listen } from "./key.js";
import { copy, tell, Toasts } from "./toast.js";

const LIMITS = {
  requests_per_minute: "Requests a minute",
  waiting: "Waiting jobs",
  running: "Running jobs",
  video_seconds_per_day: "Seconds of video a day",
  pixel_frames_per_day: "Pixels × frames a day",
  stored_bytes: "Stored bytes",
};
const REFRESHED_MS = 3000;

const line = signal(null);
const keys = signal([]);
const used = signal([]);
const made = signal(null);
const trouble = signal("");

const bytes = (number) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(number, 1)) / 3));
  return `${(number / 1000 ** step).toLocaleString("en", { maximumFractionDigits: 1 })} ${units[step]}`;
};
const span = (seconds) => {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.round(seconds))} s`;
};
const ago = (seconds) => `${span(Date.now() / 1000 - seconds)} ago`;
const nameOf = (id) => keys.value.find((key) => key.id === id)?.name || id || "no key";

async function look() {
  try {
    [line.value, { data: keys.value }, { data: used.value }] = await Promise.all([
      json("GET", "v1/admin/line"), json("GET", "v1/keys"), json("GET", "v1/usage"),
    ]);
    trouble.value = "";
  } catch (error) {
    trouble.value = error.code === "forbidden" ? "This page is for keys with the scope admin." : error.message;
  }
}

/** Change something, say so, and show what came of it. */
async function change(method, address, said, body) {
  try {
    const answer = await json(method, address, body);
    tell(said, { ms: 3000 });
    return answer;
  } catch (error) {
    tell(error.message);
  } finally {
    await look();
  }
}

function Section({ title, note, children }) {
  return html`<section aria-label=${title}><h2>${title} <small>${note}</small></h2>${children}</section>`;
}

/** `columns`: names; one that begins with # holds numbers. `rows`: [key, cells, class]. */
function Table({ label, columns, rows, none }) {
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

function Button({ bad, label, children, onClick }) {
  return html`<button type="button" class=${bad ? "small bad" : "small"} aria-label=${label} onClick=${onClick}>${children}</button>`;
}

function Engines() {
  const rows = line.value.engines.map(({ name, waiting, running, oldest_s, paused }) => {
    const verb = paused ? "resume" : "pause";
    const said = paused ? `Jobs of ${name} begin again` : `Jobs of ${name} wait now`;
    const turn = () => change("POST", `v1/admin/engines/${encodeURIComponent(name)}/${verb}`, said);
    const state = paused ? "paused" : waiting ? `the oldest waits ${span(oldest_s)}` : "";
    return [name, [name, running, waiting, state, html`<${Button} label="${verb} ${name}" onClick=${turn}>${paused ? "Resume" : "Pause"}<//>`]];
  });
  return html`<${Table} label="Engines" columns=${["Engine", "#Running", "#Waiting", "State", ""]} rows=${rows} />`;
}

function Line() {
  const { jobs } = line.value;
  const rows = jobs.map((job) => {
    const path = `v1/admin/line/${job.id}`;
    const waits = job.status === "queued";
    const front = () => change("POST", `${path}/front`, "It is next");
    const cancel = () => confirm(`Cancel the job of ${nameOf(job.key)}?`) && change("POST", `${path}/cancel`, "Cancelled");
    return [job.id, [
      nameOf(job.key), job.model, `${Math.round(job.seconds * 10) / 10} s`, waits ? `waits${job.position ? `, ${job.position}.` : ""}` : `${job.progress} %`,
      ago(job.created_at),
      html`${waits && job.position !== 1 && html`<${Button} label="Move ${job.id} to the front" onClick=${front}>To the front<//>`}
        <${Button} bad label="Cancel ${job.id}" onClick=${cancel}>Cancel<//>`,
    ]];
  });
  return html`
    <${Section} title="Line" note="${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}">
      <${Engines} />
      <${Table} label="Jobs" columns=${["Key", "Model", "#Length", "State", "Submitted", ""]} rows=${rows} none="Nothing is made, and nothing waits." />
    <//>`;
}

const stateOf = ({ revoked_at, expires_at }) => {
  if (revoked_at) return "revoked";
  if (!expires_at) return "good";
  return expires_at * 1000 < Date.now() ? "expired" : `until ${new Date(expires_at * 1000).toISOString().slice(0, 10)}`;
};

function Keys() {
  const rows = keys.value.map((key) => {
    const state = stateOf(key);
    const revoke = () => confirm(`Revoke the key of ${key.name}? It ends at once.`) && change("DELETE", `v1/keys/${key.id}`, `The key of ${key.name} is revoked`);
    const limits = Object.entries(key.own_limits).map(([name, most]) => `${LIMITS[name].toLowerCase()}: ${most ?? "any"}`).join(", ");
    return [key.id, [
      key.name, key.scopes.join(", "), limits, state, key.last_used_at ? ago(key.last_used_at) : "never",
      !key.revoked_at && html`<${Button} bad label="Revoke ${key.name}" onClick=${revoke}>Revoke<//>`,
    ], state === "revoked" || state === "expired" ? "gone" : ""];
  });
  return html`
    <${Section} title="Keys" note="of the database">
      <${Table} label="Keys" columns=${["Name", "May", "Own limits", "State", "Used", ""]} rows=${rows} none="There are none." />
      <${NewKey} />
      <${Made} />
    <//>`;
}

function NewKey() {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const fields = new FormData(form);
    const limits = Object.keys(LIMITS).filter((name) => fields.get(name)).map((name) => [name, Number(fields.get(name))]);
    const days = Number(fields.get("days"));
    const answer = await change("POST", "v1/keys", "A key was made", {
      name: fields.get("name"),
      scopes: fields.getAll("scope"),
      limits: Object.fromEntries(limits),
      ...(fields.get("owner") && { owner: fields.get("owner") }),
      ...(days && { expires_at: Math.floor(Date.now() / 1000 + days * 86400) }),
    });
    if (!answer) return;
    made.value = answer;
    form.reset();
  };
  const scope = (name, checked) => html`<label><input type="checkbox" name="scope" value=${name} defaultChecked=${checked} />${name}</label>`;
  return html`
    <form onSubmit=${submit}>
      <label>Name <input name="name" required maxlength="100" placeholder="Ann, or a program" autocomplete="off" /></label>
      <label>Owner <input name="owner" maxlength="64" placeholder="itself" autocomplete="off" /></label>
      <label>Days it is good for <input name="days" type="number" min="1" placeholder="no end" /></label>
      <fieldset aria-label="What it may do">${scope("generate", true)}${scope("read", true)}${scope("admin", false)}</fieldset>
      <button class="go">Make a key</button>
      <details>
        <summary>Limits of its own</summary>
        <div class="fields">
          ${Object.entries(LIMITS).map(([name, label]) => html`<label>${label} <input name=${name} type="number" min="1" placeholder="the server's" /></label>`)}
        </div>
      </details>
    </form>`;
}

function Made() {
  if (!made.value) return null;
  return html`
    <div class="once" role="status">
      <b>The key of ${made.value.name}.</b> It is shown this once.
      <code>${made.value.key}</code>
      <${Button} onClick=${() => copy(made.value.key, "Key")}>Copy<//>
      <${Button} onClick=${() => (made.value = null)}>I have it<//>
    </div>`;
}

function Use() {
  const sums = {};
  for (const row of used.value) {
    const sum = (sums[row.key] ??= { jobs: 0, failed: 0, video_seconds: 0, engine_seconds: 0, cost_usd: 0 });
    for (const name of Object.keys(sum)) sum[name] += row[name];
  }
  const round = (number) => number.toLocaleString("en", { maximumFractionDigits: 1 });
  const rows = Object.entries(sums)
    .sort(([, a], [, b]) => b.engine_seconds - a.engine_seconds)
    .map(([key, sum]) => [key, [
      nameOf(key), sum.jobs, sum.failed, round(sum.video_seconds), round(sum.engine_seconds), `$${sum.cost_usd.toFixed(2)}`,
    ]]);
  const columns = ["Key", "#Jobs", "#Failed", "#Seconds of video", "#Engine seconds", "#Cost"];
  return html`<${Section} title="Use" note="in the last 30 days"><${Table} label="Use" columns=${columns} rows=${rows} none="Nothing was asked for." /><//>`;
}

function Disk() {
  const { videos, bytes: size, free_bytes: free } = line.value.disk;
  const facts = { "Finished videos": videos.toLocaleString("en"), "Their files": bytes(size), "Free on the disk": bytes(free) };
  return html`
    <${Section} title="Disk">
      <dl>${Object.entries(facts).map(([name, fact]) => html`<div><dt>${name}</dt><dd>${fact}</dd></div>`)}</dl>
    <//>`;
}

function Workers() {
  const { workers } = line.value;
  if (!workers.length) return null;
  const rows = workers.map((one) => [one.id, [
    one.address, one.engines.join(", ") || "API only", `${one.running} of ${one.slots}`, one.draining ? "draining" : "up",
    span(one.up_s), one.version,
  ]]);
  return html`<${Section} title="Processes"><${Table} label="Processes" columns=${["Where", "Makes", "#Jobs", "State", "#Up", "Version"]} rows=${rows} /><//>`;
}

function Page() {
  const said = reachable.value ? trouble.value : "The server does not answer.";
  return html`
    <header class="top"><a class="brand" href="./"><${Mark} />Reelwright</a><${KeyMenu} /></header>
    <main class="desk">
      <h1>Admin</h1>
      ${said && html`<p class="trouble page-trouble" role="alert">${said}</p>`}
      ${line.value && html`<${Line} /><${Keys} /><${Use} /><${Disk} /><${Workers} />`}
    </main>
    <${KeyDialog} />
    <${Toasts} />`;
}

/** One look after the other, never two at once: a question for the key may be open for long. */
async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, REFRESHED_MS);
}

listen();
render(html`<${Page} />`, document.body);
keepLooking();
