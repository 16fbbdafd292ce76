// What is told beside a video on the big screen, and what can be done with it.

import { html } from "./vendor.js";
import * as api from "./api.js";
import * as cards from "./cards.js";
import * as draft from "./draft.js";
import { AgainIcon, CloseIcon, CopyIcon, DownloadIcon, ExtendIcon, LinkIcon, RemixIcon, ShareIcon, StarIcon, TrashIcon } from "./icons.js";
import { download } from "./media.js";
import { Menu } from "./menu.js";
import { may } from "./scopes.js";
import * as snippets from "./snippets.js";
import { again, takeOver, toPrompt } from "./tile.js";
import { duration, moment } from "./times.js";
import { copy, tell } from "./toast.js";
import { explain } from "./trouble.js";
import * as videos from "./videos.js";

const FORMATS = {
  video: ["MP4", "as it was made"], webm: ["WebM", "small, AV1"], gif: ["GIF", "for chats, at most 480 pixels"],
  webp: ["WebP", "animated, at most 480 pixels"], poster: ["Poster", "the first picture, JPEG"],
};
/** The letters that the page's own serif has. */
const PLAIN = /^[\n -~–—‘’“”…·×]*$/;
const DAYS = { "1 day": 1, "7 days": 7, "30 days": 30 };

/** `leave` closes the screen and then calls what it is given; `remove` deletes the video and shows the next. */
export function Sheet({ video, leave, remove }) {
  return html`
    <aside class="sheet">
      <p class=${PLAIN.test(video.prompt) ? "words" : "words other"} dir="auto">${video.prompt}</p>
      <${Understood} facts=${video.made_with} />
      <${Actions} video=${video} leave=${leave} remove=${remove} />
      <${Facts} video=${video} />
    </aside>`;
}

const listed = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

/** What an engine that reads words says of them. */
function Understood({ facts }) {
  const [understood, missing] = [listed(facts?.understood), listed(facts?.not_drawn)];
  if (!understood && !missing) return null;
  return html`
    <p class="understood">${understood && html`<span>Understood: ${understood}</span>`}${understood && missing && " · "}
      ${missing && html`<span class="missing">not drawn: ${missing}</span>`}</p>`;
}

function Actions({ video, leave, remove }) {
  const ready = video.status === "completed";
  const changes = may("generate");
  const favourite = videos.isFavourite(video);
  const use = (keepSeed) => () => leave(() => takeOver(video, { keepSeed }));
  const goOn = () =>
    leave(() => {
      const note = draft.goOn(video);
      if (note) tell(note);
      toPrompt();
    });
  return html`
    ${changes && html`<div class="pair">
      <button type="button" class="go" onClick=${use(false)} title="All settings but the seed"><${RemixIcon} />Remix</button>
      ${ready && draft.known.value.some(cards.animates) && html`
        <button type="button" class="plain" onClick=${goOn} title="Its last frame begins what comes next"><${ExtendIcon} />Extend</button>`}
      <button type="button" class="plain" onClick=${use(true)} title="All settings, the seed too">Use all</button>
    </div>`}
    <ul class="list">
      ${video.status !== "failed" && changes && html`
        <li><button type="button" class=${favourite ? "star on" : "star"} aria-pressed=${favourite} disabled=${!ready}
          title=${ready ? undefined : "Once it is made"} onClick=${() => videos.favour([video], !favourite)}><${StarIcon} />Favourite</button></li>`}
      ${ready && html`<li><${Menu} label="Download" look="wide" face=${html`<${DownloadIcon} />Download`}>${() => html`<${Formats} video=${video} />`}<//></li>`}
      ${ready && changes && html`
        <li class="copies"><${ShareIcon} /><span>Share for</span>
          ${Object.entries(DAYS).map(([label, days]) => html`<button type="button" key=${label} aria-label=${`Share for ${label}`}
            title="A link for people without a key" onClick=${() => share(video, days)}>${label}</button>`)}</li>`}
      ${video.status === "failed" && changes && html`<li><button type="button" onClick=${() => leave(() => again(video))}><${AgainIcon} />Try again</button></li>`}
      <li><button type="button" onClick=${() => copy(location.href, "Link")}><${LinkIcon} />Copy link</button></li>
      <li class="copies"><${CopyIcon} /><span>Copy as</span>
        <button type="button" onClick=${() => copy(snippets.curl(video), "curl command")}>curl</button>
        <button type="button" onClick=${() => copy(snippets.python(video), "Python code")}>Python</button>
        <button type="button" onClick=${() => copy(snippets.javascript(video), "JavaScript code")}>JavaScript</button></li>
      ${changes && (videos.isActive(video)
        ? html`<li><button type="button" onClick=${() => videos.cancel(video)}><${CloseIcon} />Cancel</button></li>`
        : html`<li><button type="button" onClick=${remove}><${TrashIcon} />Delete</button></li>`)}
    </ul>`;
}

function Formats({ video }) {
  return html`
    <ul class="lines">${Object.entries(FORMATS).map(([variant, [name, about]]) => html`
      <li key=${variant}><button type="button" data-close aria-label=${`Download ${name}`}
        onClick=${() => save(video, variant === "video" ? "" : variant)}>${name} <small>${about}</small></button></li>`)}
    </ul>`;
}

async function save(video, variant) {
  try {
    if (variant) tell("It is being made …", { ms: 2500 });
    await download(video, variant);
  } catch {
    tell("The video could not be downloaded.");
  }
}

async function share(video, days) {
  try {
    const { url, expires_at: end } = await api.share(video.id, days);
    await copy(url, `Link, good until ${moment(end, { dateStyle: "medium" })},`);
  } catch (error) {
    tell(explain(error).title);
  }
}

const EXTRA_NAMES = {
  negative_prompt: "Left out", num_inference_steps: "Steps", guidance_scale: "Guidance", motion_bucket_id: "Motion",
  noise_aug_strength: "Freedom",
};

function Facts({ video }) {
  const card = draft.known.value.find((one) => one.engine === video.engine && one.model === video.model);
  const rows = [
    ["Model", card ? card.title : video.model],
    ["Engine", `${video.engine}${card && !card.generative_ai ? " (no AI)" : ""}`],
    ["Size", `${video.width} × ${video.height}`],
    video.has_image && !video.extended_from_video_id && ["Picture", "Started from one"],
    video.has_last_image && ["Last picture", "Ended with one"],
    video.generate_audio && ["Sound", "Asked for"],
    video.extra_params.loop && ["Loop", "The end meets the beginning"],
    ["Length", `${+(+video.seconds).toFixed(2)} s · ${video.num_frames} frames at ${video.fps}/s`],
    video.interpolate > 1 && ["Smooth motion", `${video.final_frames} frames at ${video.final_fps}/s`],
    video.upscale && ["Enlarged", `${video.final_size.replace("x", " × ")} by ${video.upscale}`],
    ...draft.EXTRAS.filter((field) => video[field] != null).map((field) => [EXTRA_NAMES[field], video[field]]),
    video.warnings?.length && ["Not used", video.warnings.join(" ")],
    ["Made", moment(video.created_at)],
    video.generation_seconds && ["Took", duration(video.generation_seconds)],
    video.bytes && ["File", `${(video.bytes / 1e6).toFixed(2)} MB`],
    video.expires_at && ["Kept until", moment(video.expires_at)],
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

/** What the engine told of the making: versions, devices. */
function MadeWith({ facts }) {
  const { understood: _understood, not_drawn: _missing, ...others } = facts || {};
  const told = Object.entries(others).map(([name, value]) =>
    [name.replaceAll("_", " "), typeof value === "object" ? JSON.stringify(value) : String(value)]);
  if (!told.length) return null;
  return html`<details class="more made"><summary>Made with</summary><dl class="facts">${told.map(row)}</dl></details>`;
}
