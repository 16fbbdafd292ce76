// The wall of videos: newest first, more as you scroll.

import { html, signal, useEffect, useRef } from "./vendor.js";
import { Head } from "./filters.js";
import { AgainIcon, CloseIcon } from "./icons.js";
import { Scenes } from "./scenes.js";
import { may } from "./scopes.js";
import { again, Tile } from "./tile.js";
import { explain, Told } from "./trouble.js";
import * as videos from "./videos.js";

const FEW = 3;
const allCancelled = signal(false);

/** Loads the next page when the end of the wall comes near. */
function End() {
  const mark = useRef(null);
  const waiting = videos.loading.value;
  useEffect(() => {
    if (waiting !== "idle") return undefined;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && videos.loadMore(),
      { rootMargin: "800px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [waiting]);
  return html`<div ref=${mark} class="end" aria-hidden="true">${waiting === "more" && html`<span class="dots"></span>`}</div>`;
}

function Trouble() {
  if (!videos.trouble.value) return null;
  const { title, remedy } = explain(videos.trouble.value);
  return html`
    <p class="trouble" role="alert"><span><b>${title}</b> <${Told} text=${remedy} /></span>
      <button type="button" class="text-button" onClick=${videos.loadMore}>Try again</button></p>`;
}

/** What was cancelled takes a line each, and little of it. */
function Cancelled() {
  const list = videos.cancelled.value;
  if (!list.length) return null;
  const shown = allCancelled.value ? list : list.slice(0, FEW);
  const unfold = () => (allCancelled.value = !allCancelled.value);
  return html`
    <section class="cancelled" aria-label="Cancelled videos">
      <ul>${shown.map((video) => html`
        <li key=${video.id}><small>Cancelled</small><span>${video.prompt}</span>
          ${may("generate") && html`
            <button type="button" class="bare" aria-label=${`Try again: ${video.prompt}`} title="Try again" onClick=${() => again(video)}><${AgainIcon} /></button>
            <button type="button" class="bare" aria-label=${`Clear: ${video.prompt}`} title="Clear" onClick=${() => videos.remove(video)}><${CloseIcon} /></button>`}
        </li>`)}
      </ul>
      <p>${list.length > FEW && html`<button type="button" class="text-button" onClick=${unfold}>${allCancelled.value ? "Show fewer" : `Show all ${list.length}`}</button>`}
        ${list.length > 1 && may("generate") && html`<button type="button" class="text-button" onClick=${() => videos.remove(...list)}>Clear all</button>`}</p>
    </section>`;
}

function Wall() {
  return html`
    <section class="gallery" aria-labelledby="wall-title">
      <${Head} />
      <${Cancelled} />
      <ul class="wall" aria-busy=${videos.seeking}>
        ${videos.found.value.map((video) => html`<${Tile} key=${video.id} video=${video} />`)}
        <li class="filler" aria-hidden="true"></li>
      </ul>
      <${Trouble} />
      <${End} />
    </section>`;
}

export function Gallery() {
  const empty = !videos.all.value.length && !videos.narrowed.value;
  if (empty && ["first", "more"].includes(videos.loading.value)) return html`<div class="end"></div>`;
  if (!may("generate")) return empty ? html`<${Trouble} /><p class="elsewhere">There are none yet.</p>` : html`<${Wall} />`;
  if (empty) return html`<${Trouble} /><section class="gallery"><h2 class="quiet">Start from a scene</h2><${Scenes} as="wall" /></section>`;
  return html`<${Scenes} as="strip" /><${Wall} />`;
}
