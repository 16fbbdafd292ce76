// One video on the big screen, with everything known about it. Its address is the page's with #id.

import { html, signal, useEffect, useRef } from "./vendor.js";
import * as api from "./api.js";
import * as cards from "./cards.js";
import * as draft from "./draft.js";
import { BackIcon, CloseIcon, CopyIcon, DownloadIcon, ExtendIcon, LinkIcon, NextIcon, RemixIcon, TrashIcon } from "./icons.js";
import { download, useMedia } from "./media.js";
import * as snippets from "./snippets.js";
import { calm, duration, Failure, Leader, takeOver, toPrompt } from "./tile.js";
import { copy, tell } from "./toast.js";
import * as videos from "./videos.js";

const shownId = signal("");
/** What the user is taken to when the screen has gone; null: back to where they were. */
const afterwards = signal(null);

/** Follow the address: #video_… opens that video, anything else closes the screen. */
export function start() {
  addEventListener("hashchange", follow);
  follow();
}

async function follow() {
  const id = location.hash.slice(1);
  if (!id.startsWith("video_")) {
    shownId.value = "";
  } else if (await videos.find(id)) {
    shownId.value = id;
  } else {
    close();
  }
}

function close() {
  history.replaceState(null, "", location.pathname);
  shownId.value = "";
}

function neighbour(id, step) {
  const ids = videos.found.value.map((video) => video.id);
  return ids[ids.indexOf(id) + step];
}

function go(id) {
  if (!id) return;
  history.replaceState(null, "", `#${id}`);
  shownId.value = id;
}

export function Player() {
  const video = shownId.value && videos.all.value.find((one) => one.id === shownId.value);
  return video ? html`<${Screen} video=${video} />` : null;
}

function Screen({ video }) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    dialog.current.focus();
    return () => {
      const then = afterwards.peek();
      afterwards.value = null;
      if (then) then();
      else if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const key = (event) => {
    if (event.target.closest("video, input, select")) return;
    if (event.key === "ArrowRight") go(neighbour(video.id, 1));
    if (event.key === "ArrowLeft") go(neighbour(video.id, -1));
  };
  return html`
    <dialog class="screen" tabindex="-1" ref=${dialog} aria-label=${video.prompt} onClose=${close} onKeyDown=${key}>
      <${Stage} key=${video.id} video=${video} />
      <${Sheet} video=${video} />
      <button type="button" class="bare leave" aria-label="Close" onClick=${() => dialog.current.close()}><${CloseIcon} /></button>
    </dialog>`;
}

function Stage({ video }) {
  const step = (offset, label, Icon) => {
    const id = neighbour(video.id, offset);
    return html`<button type="button" class=${`bare step ${label.toLowerCase()}`} aria-label=${label} disabled=${!id}
      onClick=${() => go(id)}><${Icon} /></button>`;
  };
  return html`
    <div class="stage">
      ${video.status === "completed" ? html`<${Film} video=${video} />`
        : video.status === "failed" ? html`<${Failure} video=${video} />` : html`<${Leader} video=${video} />`}
      ${step(-1, "Newer", BackIcon)}${step(1, "Older", NextIcon)}
    </div>`;
}

function Film({ video }) {
  const src = useMedia(video.id);
  const poster = useMedia(video.id, "poster");
  return html`
    ${poster && html`<img class="glow" src=${poster} alt="" />`}
    ${src && html`<video src=${src} poster=${poster} controls loop autoplay=${!calm.matches} playsinline
      style=${{ "--ratio": video.width / video.height }} aria-label=${video.prompt}></video>`}`;
}

function Sheet({ video }) {
  return html`
    <aside class="sheet">
      <p class="words">${video.prompt}</p>
      <${Actions} video=${video} />
      <${Facts} video=${video} />
    </aside>`;
}

function Actions({ video }) {
  const ready = video.status === "completed";
  const leave = (then) => {
    afterwards.value = then;
    close();
  };
  const use = (keepSeed) => () => leave(() => takeOver(video, { keepSeed }));
  const goOn = () =>
    leave(() => {
      const note = draft.goOn(video);
      if (note) tell(note);
      toPrompt();
    });
  const remove = () => {
    go(neighbour(video.id, 1) || neighbour(video.id, -1)) ?? close();
    videos.remove(video);
  };
  return html`
    <div class="pair">
      <button type="button" class="go" onClick=${use(false)} title="All settings but the seed"><${RemixIcon} />Remix</button>
      ${ready && draft.known.value.some(cards.animates) && html`
        <button type="button" class="plain" onClick=${goOn} title="Its last frame begins what comes next"><${ExtendIcon} />Extend</button>`}
      <button type="button" class="plain" onClick=${use(true)} title="All settings, the seed too">Use all</button>
    </div>
    <ul class="list">
      ${ready && html`<li><button type="button" onClick=${() => save(video)}><${DownloadIcon} />Download</button></li>`}
      <li><button type="button" onClick=${() => copy(location.href, "Link")}><${LinkIcon} />Copy link</button></li>
      <li class="copies"><${CopyIcon} /><span>Copy as</span>
        <button type="button" onClick=${() => copy(snippets.curl(video), "curl command")}>curl</button>
        <button type="button" onClick=${() => copy(snippets.python(video), "Python code")}>Python</button>
        <button type="button" onClick=${() => copy(snippets.javascript(video), "JavaScript code")}>JavaScript</button></li>
      ${videos.isActive(video)
        ? html`<li><button type="button" onClick=${() => videos.cancel(video)}><${CloseIcon} />Cancel</button></li>`
        : html`<li><button type="button" onClick=${remove}><${TrashIcon} />Delete</button></li>`}
    </ul>`;
}

async function save(video) {
  try {
    await download(video);
  } catch {
    tell("The video could not be downloaded.");
  }
}

const EXTRA_NAMES = {
  negative_prompt: "Left out", num_inference_steps: "Steps", guidance_scale: "Guidance", motion_bucket_id: "Motion",
  noise_aug_strength: "Freedom",
};

function Facts({ video }) {
  const card = draft.known.value.find((one) => one.engine === video.engine && one.model === video.model);
  const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const rows = [
    ["Model", card ? card.title : video.model],
    ["Engine", `${video.engine}${card && !card.generative_ai ? " (no AI)" : ""}`],
    ["Size", `${video.width} × ${video.height}`],
    video.has_image && !video.extended_from_video_id && ["Picture", "Started from one"],
    video.has_last_image && ["Last picture", "Ended with one"],
    video.generate_audio && ["Sound", "Asked for"],
    ["Length", `${+(+video.seconds).toFixed(2)} s · ${video.num_frames} frames at ${video.fps}/s`],
    video.interpolate > 1 && ["Smooth motion", `${video.final_frames} frames at ${video.final_fps}/s`],
    video.upscale && ["Enlarged", `${video.final_size.replace("x", " × ")} by ${video.upscale}`],
    ...draft.EXTRAS.filter((field) => video[field] != null).map((field) => [EXTRA_NAMES[field], video[field]]),
    video.warnings?.length && ["Not used", video.warnings.join(" ")],
    ["Made", time.format(video.created_at * 1000)],
    video.generation_seconds && ["Took", duration(video.generation_seconds)],
    video.bytes && ["File", `${(video.bytes / 1e6).toFixed(2)} MB`],
    video.expires_at && ["Kept until", time.format(video.expires_at * 1000)],
  ].filter(Boolean);
  const source = video.remixed_from_video_id;
  const before = video.extended_from_video_id;
  return html`
    <dl class="facts">
      <div><dt>Seed</dt><dd><button type="button" class="text-button" aria-label="Copy the seed"
        onClick=${() => copy(String(video.seed), "Seed")}>${video.seed}</button></dd></div>
      ${rows.map(row)}
      ${source && html`<div><dt>Remix of</dt><dd><a href=${`#${source}`}>another video</a></dd></div>`}
      ${before && html`<div><dt>Goes on from</dt><dd><a href=${`#${before}`}>another video</a></dd></div>`}
      <div><dt>Id</dt><dd class="id">${video.id}</dd></div>
    </dl>
    <${MadeWith} facts=${video.made_with} />`;
}

const row = ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;

/** What the engine told of the making: versions, devices, what it understood. */
function MadeWith({ facts }) {
  const told = Object.entries(facts || {}).map(([name, value]) =>
    [name.replaceAll("_", " "), typeof value === "object" ? JSON.stringify(value) : String(value)]);
  if (!told.length) return null;
  return html`<details class="more made"><summary>Made with</summary><dl class="facts">${told.map(row)}</dl></details>`;
}
