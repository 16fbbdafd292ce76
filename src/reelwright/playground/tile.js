// One video on the wall: in the making, ready to play, or failed.

import { html, useMemo, useRef, useState } from "./vendor.js";
import * as draft from "./draft.js";
import { CloseIcon, PlayIcon, RemixIcon, StarIcon, TrashIcon } from "./icons.js";
import { useMedia } from "./media.js";
import { may } from "./scopes.js";
import * as selection from "./selection.js";
import { calm, duration } from "./times.js";
import { explain, Told } from "./trouble.js";
import * as videos from "./videos.js";
import { preview, secondsLeft } from "./watch.js";

/** Put a video's settings into the prompt box, and the user there too. */
export function takeOver(video, options) {
  draft.takeOver(video, options);
  toPrompt();
}

/** Put the user into the prompt box. */
export function toPrompt() {
  const box = document.getElementById("prompt");
  box.focus({ preventScroll: true });
  box.select();
  scrollTo({ top: 0, behavior: calm.matches ? "auto" : "smooth" });
}

function place(position) {
  if (!position) return "In the queue";
  if (position === 1) return "Next in line";
  return `${position - 1} before this one`;
}

function sentence(stage) {
  return stage ? `${stage[0].toUpperCase()}${stage.slice(1)} …` : "";
}

/** The countdown of a film's leader: the hand stands at the measured progress. */
export function Leader({ video }) {
  const shown = preview(video.id).value;
  const running = video.status === "in_progress";
  const measured = running && video.progress > 0;
  const left = measured ? secondsLeft(video) : null;
  const state = !running ? place(video.queue_position) : sentence(video.stage) || (measured ? "Rolling" : "Starting");
  return html`
    <div class=${`leader ${running ? "running" : "waiting"} ${running && !measured ? "unmeasured" : ""}`}>
      ${shown && html`<img src=${shown} alt="Preview" />`}
      <div class="dial" role="progressbar" aria-label=${`Progress of: ${video.prompt}`} aria-valuemin="0" aria-valuemax="100"
        aria-valuenow=${measured ? video.progress : undefined} aria-valuetext=${measured ? undefined : state}
        style=${{ "--progress": `${measured ? video.progress : 0}%` }}>
        <b>${measured ? video.progress : running ? "" : video.queue_position || "·"}</b>
      </div>
      <p class="state">${state}${left !== null && html` · <span class="eta">about ${duration(left)} left</span>`}</p>
    </div>`;
}

function Making({ video }) {
  return html`
    <${Leader} video=${video} />
    <p class="caption">${video.prompt}</p>
    ${may("generate") && html`
      <div class="corner">
        <button type="button" class="star" aria-label=${`Favourite: ${video.prompt}`} title="Favourite: once it is made" disabled>
          <${StarIcon} /></button>
        <button type="button" aria-label=${`Cancel: ${video.prompt}`} title="Cancel" onClick=${() => videos.cancel(video)}>
          <${CloseIcon} /></button>
      </div>`}`;
}

export function Failure({ video }) {
  const { title, detail, remedy } = explain(video.error || { code: "internal", message: "It failed" });
  return html`
    <div class="failure">
      <b>${title}</b>
      ${detail && html`<span>${detail}</span>`}
      ${remedy && html`<span><${Told} text=${remedy} /></span>`}
    </div>`;
}

function Failed({ video }) {
  return html`
    <${Failure} video=${video} />
    <p class="caption">${video.prompt}</p>
    ${may("generate") && html`<div class="actions">
      ${video.resumable && html`<button type="button" onClick=${() => videos.resume(video)}>Go on</button>`}
      <button type="button" onClick=${() => again(video)}>Try again</button>
      <button type="button" onClick=${() => takeOver(video, { keepSeed: true })}>Edit</button>
      <button type="button" class="bare" aria-label=${`Remove: ${video.prompt}`} title="Remove" onClick=${() => videos.remove(video)}>
        <${CloseIcon} /></button>
    </div>`}`;
}

/** Make it once more as it was asked for. */
export function again(video) {
  const wish = draft.wishOf(video);
  videos.again(video, video.extended_from_video_id ? draft.extension(wish) : wish);
}

function Finished({ video }) {
  const [playing, setPlaying] = useState(false);
  const choosing = selection.choosing.value;
  const favourite = videos.isFavourite(video);
  const timer = useRef(0);
  const poster = useMedia(video.id, "poster");
  const play = (event) => {
    if (calm.matches || event.pointerType === "touch") return;
    timer.current = setTimeout(() => setPlaying(true), event.type === "focus" ? 0 : 90);
  };
  const stop = () => {
    clearTimeout(timer.current);
    setPlaying(false);
  };
  return html`
    <a class="film" href=${`#${video.id}`} aria-label=${`Play: ${video.prompt}`} onFocus=${play} onBlur=${stop}
      onPointerEnter=${play} onPointerLeave=${stop} onClick=${(event) => choosing && choose(event, video)}>
      ${poster && html`<img src=${poster} alt="" loading="lazy" decoding="async" />`}
      ${playing && html`<${Moving} id=${video.id} />`}
      <span class="caption"><span>${video.prompt}</span></span>
      <span class="badge"><${PlayIcon} />${+(+video.seconds).toFixed(1)} s</span>
    </a>
    ${choosing && html`
      <label class="pick"><input type="checkbox" aria-label=${`Select: ${video.prompt}`} checked=${selection.has(video)}
        onChange=${() => selection.toggle(video)} /></label>`}
    <div class="corner" hidden=${choosing || !may("generate")}>
      <button type="button" class=${favourite ? "star on" : "star"} aria-label=${`Favourite: ${video.prompt}`} title="Favourite"
        aria-pressed=${favourite} onClick=${() => videos.favour([video], !favourite)}><${StarIcon} /></button>
      <button type="button" aria-label=${`Remix: ${video.prompt}`} title="Remix: all but the seed"
        onClick=${() => takeOver(video, { keepSeed: false })}><${RemixIcon} /></button>
      <button type="button" aria-label=${`Delete: ${video.prompt}`} title="Delete" onClick=${() => videos.remove(video)}>
        <${TrashIcon} /></button>
    </div>`;
}

function choose(event, video) {
  event.preventDefault();
  selection.toggle(video);
}

function Moving({ id }) {
  const src = useMedia(id);
  return src && html`<video src=${src} muted loop autoplay playsinline tabindex="-1" aria-hidden="true"></video>`;
}

const FACES = { queued: Making, in_progress: Making, completed: Finished, failed: Failed };

export function Tile({ video }) {
  // The same element again for the same video: the others are left alone while one of them moves on.
  return useMemo(() => draw(video), [video, may("generate")]);
}

function draw(video) {
  const done = video.status === "completed";
  const ratio = video.width / video.height;
  return html`
    <li class=${`tile ${video.status} ${videos.isFavourite(video) ? "favourite" : ""}`} id=${`tile-${video.id}`} style=${{ "--ratio": done ? ratio : Math.max(1.25, ratio) }}>
      <${FACES[video.status]} video=${video} />
    </li>`;
}
