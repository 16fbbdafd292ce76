// The admin's page: everybody's line, the keys, what was used, who did what, the disk and the processes. A document of
// its own.

import { html, render } from "./vendor.js";
import { KeyMenu } from "./account.js";
import { reachable } from "./api.js";
import { AuditDesk, follow } from "./auditdesk.js";
import { ago, Button, bytes, change, line, look, nameOf, refuse, refused, Section, span, Table, trouble, used } from "./desk.js";
import { Mark } from "./icons.js";
import { KeyDialog, listen } from "./key.js";
import { Keys } from "./keydesk.js";
import { learn, may } from "./scopes.js";
import { Toasts } from "./toast.js";

const REFRESHED_MS = 3000;

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

function Drain({ of: { id, address, draining } }) {
  const verb = draining ? "resume" : "drain";
  const said = draining ? `${address} begins jobs again` : `${address} begins no more jobs`;
  const turn = () => change("POST", `v1/admin/workers/${id}/${verb}`, said);
  return html`<${Button} label="${verb} ${address}" onClick=${turn}>${draining ? "Resume" : "Drain"}<//>`;
}

function Workers() {
  const { workers } = line.value;
  if (!workers.length) return null;
  const rows = workers.map((one) => [one.id, [
    one.address, one.engines.join(", ") || "API only", `${one.running} of ${one.slots}`, one.draining ? "draining" : "up",
    span(one.up_s), one.version, one.slots > 0 && html`<${Drain} of=${one} />`,
  ]]);
  return html`<${Section} title="Processes"><${Table} label="Processes" columns=${["Where", "Makes", "#Jobs", "State", "#Up", "Version", ""]} rows=${rows} /><//>`;
}

function Page() {
  const said = reachable.value ? trouble.value : "The server does not answer.";
  return html`
    <header class="top"><a class="brand" href="./"><${Mark} />Reelwright</a><${KeyMenu} /></header>
    <main class="desk">
      <h1>Admin</h1>
      ${said && html`<p class="trouble page-trouble" role="alert"><span>${said} ${refused.value && html`<a href="./">To the videos</a>`}</span></p>`}
      ${line.value && html`<${Line} /><${Keys} /><${Use} /><${AuditDesk} /><${Disk} /><${Workers} />`}
    </main>
    <${KeyDialog} />
    <${Toasts} />`;
}

/** One look after the other, never two at once: a question for the key may be open for long. */
async function keepLooking() {
  if (!document.hidden) {
    await look();
    if (!refused.value) await follow().catch(() => {});
  }
  if (!refused.value) setTimeout(keepLooking, REFRESHED_MS);
}

/** A key that may not see this page is asked for nothing. */
async function begin() {
  try {
    await learn();
  } catch {
    setTimeout(begin, REFRESHED_MS);
    return;
  }
  if (may("admin")) keepLooking();
  else refuse();
}

listen();
render(html`<${Page} />`, document.body);
begin();
