// The page: puts the parts together, starts what runs in the background, listens to drops, pastes and keys.

import { html, render, signal } from "./vendor.js";
import * as api from "./api.js";
import { KeyMenu } from "./account.js";
import { Compare } from "./compare.js";
import * as composer from "./composer.js";
import * as draft from "./draft.js";
import { Gallery } from "./gallery.js";
import { Mark, WarnIcon } from "./icons.js";
import * as key from "./key.js";
import * as player from "./player.js";
import { AdminLink, learn, may, scopes } from "./scopes.js";
import * as selection from "./selection.js";
import { Toasts } from "./toast.js";
import { explain, Told } from "./trouble.js";
import * as videos from "./videos.js";
import * as watch from "./watch.js";
import { Welcome } from "./welcome.js";

const dragging = signal(false);
const trouble = signal(null);

function Busy() {
  const { length } = videos.active.value;
  if (!length) return null;
  const running = videos.active.value.filter((video) => video.status === "in_progress").length;
  return html`<p class="busy"><i></i>${running} rolling${length > running && `, ${length - running} waiting`}</p>`;
}

function Trouble() {
  if (api.reachable.value && !trouble.value) return null;
  const { title, remedy } = explain(trouble.value || { code: "unreachable" });
  return html`<p class="trouble page-trouble" role="alert"><${WarnIcon} /><span><b>${title}</b> <${Told} text=${remedy} /></span></p>`;
}

/** For a key that may not look at videos: what it is for, and where it leads. */
function Elsewhere() {
  const admin = may("admin");
  const makes = may("generate");
  return html`
    <h1>${makes ? "This key is for programs" : "This key is for administration"}</h1>
    <p class="elsewhere">${makes ? "It may make videos, but not look at them: the API takes it." : "It may neither make videos nor look at them."}</p>
    ${admin && html`<p class="elsewhere">Keys, jobs and who did what are on the <a href="admin">admin’s page</a>.</p>`}
    <p class="elsewhere">To make and see videos here, sign out and give another key.</p>`;
}

function Page() {
  const known = Boolean(scopes.value);
  const looksOnly = known && !may("generate");
  return html`
    <header class="top"><a class="brand" href="./"><${Mark} />Reelwright</a><span class="corner-of-page"><${AdminLink} /><${Busy} /><${KeyMenu} /></span></header>
    <main>
      ${known && !may("read") ? html`<${Elsewhere} />` : html`
        <h1>${looksOnly ? "What there is to see" : "What would you like to see?"}</h1>
        <${Trouble} />
        ${looksOnly ? html`<p class="elsewhere">This key may look at videos, and neither make nor change any.</p>` : html`<${composer.Composer} /><${Welcome} />`}
        <${Gallery} />`}
    </main>
    ${dragging.value && html`<div class="drop" aria-hidden="true"><p>Drop a picture to set it in motion</p></div>`}
    <${player.Player} />
    <${Compare} />
    <${selection.SelectionBar} />
    <${key.KeyDialog} />
    <${Toasts} />`;
}

function listen() {
  const hasFile = (event) => may("read") && may("generate") && [...event.dataTransfer.types].includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    dragging.value = true;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) dragging.value = false;
  });
  addEventListener("drop", (event) => {
    dragging.value = false;
    if (!hasFile(event)) return;
    event.preventDefault();
    composer.takePicture(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
    if (picture && may("generate")) composer.takePicture(picture);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && selection.choosing.value && !event.target.closest("dialog")) selection.leave();
    if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    document.getElementById("search")?.focus();
  });
  addEventListener("pagehide", videos.removeRest);
}

/** Load the cards and the first videos; while there is no server, try again and again. */
async function load() {
  try {
    await learn();
    if (!may("read")) return;
    await Promise.all([draft.known.value.length || loadModels(), videos.refresh().then(videos.take)]);
    trouble.value = null;
  } catch (error) {
    trouble.value = error.code === "unreachable" ? null : error;
  }
  if (!draft.known.value.length || !api.reachable.value) setTimeout(load, 3000);
}

async function loadModels() {
  const [models, warnings] = await Promise.all([api.models(), api.warnings()]);
  // An engine tells its device when it has loaded, and weights may be fetched while the page is open.
  if (JSON.stringify(models) !== JSON.stringify(draft.known.value)) draft.known.value = models;
  if (JSON.stringify(warnings) !== JSON.stringify(draft.warnings.value)) draft.warnings.value = warnings;
}

function lookAgain() {
  if (!document.hidden && may("read") && draft.known.value.length && !key.asking()) loadModels().catch(() => {});
}

draft.remember();
key.listen();
composer.listen();
listen(); // before there is anything to see: who sees the page can use its keys
render(html`<${Page} />`, document.body);
load();
watch.start();
player.start();
setInterval(lookAgain, 15000);
