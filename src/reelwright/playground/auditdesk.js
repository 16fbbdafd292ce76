// The admin's page: who did what, the newest first, older entries on demand, and all of it as a file.

import { html, signal } from "./vendor.js";
import { json } from "./api.js";
import { Button, keys, nameOf, Section, span, Table } from "./desk.js";
import { saveBlob } from "./media.js";
import { tell } from "./toast.js";

const ACTIONS = {
  "video.created": "asked for a video",
  "video.read": "fetched a video",
  "video.cancelled": "cancelled a video",
  "video.deleted": "deleted a video",
  "video.moved": "moved a video to the front",
  "video.shared": "shared a video",
  "file.created": "uploaded a file",
  "file.deleted": "deleted a file",
  "request.refused": "was refused",
  "engine.paused": "paused an engine",
  "engine.resumed": "resumed an engine",
  "worker.drained": "drained a process",
  "worker.resumed": "resumed a process",
  "key.created": "made a key",
  "key.changed": "changed a key",
  "key.rotated": "rotated a key",
  "key.revoked": "revoked a key",
};
const OTHERS = { command: "the command line", server: "the server", "": "no key, or a wrong one" };
const COLUMNS = ["at", "action", "key", "about", "code", "number", "address", "id"];
const PAGE = 25;
const MOST = 1000;
const ANY = "*";

const entries = signal([]);
const more = signal(false);
const sought = signal({ action: ANY, key: ANY });
/** How many entries the file has so far; null while none is made. */
const saved = signal(null);

function page(limit, after) {
  const { action, key } = sought.value;
  const query = new URLSearchParams({ limit, ...(after && { after }), ...(action !== ANY && { action }), ...(key !== ANY && { key }) });
  return json("GET", `v1/audit?${query}`);
}

/** The newest entries; the older ones that are shown stay, unless there are others between them. */
export async function follow() {
  const asked = sought.value;
  const { data, has_more } = await page(PAGE);
  if (asked !== sought.value) return;
  const known = entries.value.findIndex((entry) => entry.id === data.at(-1)?.id);
  if (known < 0) more.value = has_more;
  entries.value = known < 0 ? data : [...data, ...entries.value.slice(known + 1)];
}

async function seek(changes) {
  sought.value = { ...sought.value, ...changes };
  entries.value = [];
  more.value = false;
  await follow().catch((error) => tell(error.message));
}

async function older() {
  const asked = sought.value;
  try {
    const { data, has_more } = await page(PAGE, entries.value.at(-1).id);
    if (asked !== sought.value) return;
    entries.value = [...entries.value, ...data];
    more.value = has_more;
  } catch (error) {
    tell(error.message);
  }
}

/** All entries that are sought, as a table for other programs. */
async function save() {
  const parts = [`${COLUMNS.join(",")}\n`];
  saved.value = 0;
  try {
    for (let after = "", left = true; left; ) {
      const { data, has_more, last_id } = await page(MOST, after);
      parts.push(...data.map((entry) => `${COLUMNS.map((name) => entry[name]).join(",")}\n`));
      saved.value += data.length;
      [after, left] = [last_id, has_more];
    }
    saveBlob(new Blob(parts, { type: "text/csv" }), `reelwright-audit-${new Date().toISOString().slice(0, 10)}.csv`);
  } catch (error) {
    tell(error.message);
  } finally {
    saved.value = null;
  }
}

const who = (id) => OTHERS[id] ?? nameOf(id);
const age = (at) => html`<time datetime=${at} title=${at}>${span((Date.now() - Date.parse(at)) / 1000)} ago</time>`;
const about = ({ about: id, code, number }) => {
  if (code) return `${number > 1 ? `${number.toLocaleString("en")} × ` : ""}${code.replaceAll("_", " ")}`;
  return html`<span class="id" title=${id}>${nameOf(id)}</span>`;
};

export function AuditDesk() {
  const rows = entries.value.map((entry) => [entry.id, [
    age(entry.at), who(entry.key), ACTIONS[entry.action] || entry.action, about(entry), entry.address,
  ]]);
  const callers = [...keys.value.map(({ id, name }) => [id, name]), ...Object.entries(OTHERS)];
  return html`
    <${Section} title="Who did what" note="the newest first">
      <div class="sought">
        <label>Action <select aria-label="Action" value=${sought.value.action} onChange=${(event) => seek({ action: event.target.value })}>
          <option value=${ANY}>Any</option>
          ${Object.entries(ACTIONS).map(([action, words]) => html`<option key=${action} value=${action}>${words}</option>`)}
        </select></label>
        <label>Key <select aria-label="Key" value=${sought.value.key} onChange=${(event) => seek({ key: event.target.value })}>
          <option value=${ANY}>Any</option>
          ${callers.map(([id, name]) => html`<option key=${id} value=${id}>${name}</option>`)}
        </select></label>
        <${Button} disabled=${saved.value !== null} onClick=${save}>${saved.value === null ? "Save as CSV" : `${saved.value.toLocaleString("en")} …`}<//>
      </div>
      <${Table} label="Who did what" columns=${["When", "Who", "What", "Of what", "From"]} rows=${rows} none="There is no such entry." />
      ${more.value && html`<p class="older"><${Button} onClick=${older}>Show older<//></p>`}
    <//>`;
}
