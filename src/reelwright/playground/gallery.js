// The wall of videos: newest first, more as you scroll, and a search over what is loaded.

import { html, useEffect, useRef } from "./vendor.js";
import { SearchIcon } from "./icons.js";
import { Scenes } from "./scenes.js";
import { Tile } from "./tile.js";
import { explain } from "./trouble.js";
import * as videos from "./videos.js";

function Search() {
  return html`
    <label class="search"><${SearchIcon} /><span class="unseen">Search your videos</span>
      <input type="search" id="search" placeholder="Search" value=${videos.search.value} autocomplete="off"
        onInput=${(event) => (videos.search.value = event.target.value)} />
    </label>`;
}

/** What the search says of itself: it sees only what is loaded. */
function SearchNote() {
  if (!videos.search.value.trim()) return null;
  const count = videos.found.value.length;
  const more = videos.loading.value === "idle";
  return html`
    <p class="note" role="status">${count || "None"} of ${videos.all.value.length} loaded videos.
      ${more && html` <button type="button" class="text-button" onClick=${videos.loadMore}>Load older ones</button>`}</p>`;
}

/** Loads the next page when the end of the wall comes near. */
function End() {
  const mark = useRef(null);
  const waiting = videos.loading.value;
  useEffect(() => {
    if (waiting !== "idle" || videos.search.value.trim()) return undefined;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && videos.loadMore(),
      { rootMargin: "800px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [waiting, videos.search.value]);
  return html`<div ref=${mark} class="end" aria-hidden="true">${waiting === "more" && html`<span class="dots"></span>`}</div>`;
}

function Trouble() {
  if (!videos.trouble.value) return null;
  const { title, remedy } = explain(videos.trouble.value);
  return html`
    <p class="trouble" role="alert"><span><b>${title}</b> ${remedy}</span>
      <button type="button" class="text-button" onClick=${videos.loadMore}>Try again</button></p>`;
}

export function Gallery() {
  const empty = !videos.all.value.length;
  if (empty && ["first", "more"].includes(videos.loading.value)) return html`<div class="end"></div>`;
  if (empty) return html`<${Trouble} /><section class="gallery"><h2 class="quiet">Start from a scene</h2><${Scenes} as="wall" /></section>`;
  return html`
    <${Scenes} as="strip" />
    <section class="gallery" aria-labelledby="wall-title">
      <div class="head"><h2 id="wall-title">Your videos</h2><${Search} /></div>
      <${SearchNote} />
      <ul class="wall">
        ${videos.found.value.map((video) => html`<${Tile} key=${video.id} video=${video} />`)}
        <li class="filler" aria-hidden="true"></li>
      </ul>
      <${Trouble} />
      <${End} />
    </section>`;
}
