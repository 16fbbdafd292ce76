// The page: puts the parts together, starts what runs in the background, listens to drops, pastes and keys.

import { html, render, signal } from "./vendor.js";
import { AdminLink } from "./adminlink.js";
import * as api from "./api.js";
import { KeyMenu } from "./account.js";
import { Compare } from "./compare.js";
import * as composer from "./composer.js";
import * as draft from "./draft.js";
import { Gallery } from "./gallery.js";
import { Mark, WarnIcon } from "./icons.js";
import * as key from "./key.js";
import * as player from "./player.js";
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

function Page() {
  return html`
    <header class="top"><a class="brand" href="./"><${Mark} />Reelwright</a><span class="corner-of-page"><${AdminLink} /><${Busy} /><${KeyMenu} /></span></header>
    <main>
      <h1>What would you like to see?</h1>
      <${Trouble} />
      <${composer.Composer} />
      <${Welcome} />
      <${Gallery} />
    </main>
    ${dragging.value && html`<div class="drop" aria-hidden="true"><p>Drop a picture to set it in motion</p></div>`}
    <${player.Player} />
    <${Compare} />
    <${selection.SelectionBar} />
    <${key.KeyDialog} />
    <${Toasts} />`;
}

function listen() {
  const hasFile = (event) => [...event.dataTransfer.types].includes("Files");
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
    if (picture) composer.takePicture(picture);
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
  if (!document.hidden && draft.known.value.length && !key.asking()) loadModels().catch(() => {});
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
