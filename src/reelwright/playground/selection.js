// Several videos at once: chosen on the wall, then downloaded, compared, marked or deleted together.

import { html, signal } from "./vendor.js";
import { CloseIcon, CompareIcon, DownloadIcon, StarIcon, TrashIcon } from "./icons.js";
import { downloadAll } from "./media.js";
import { may } from "./scopes.js";
import { tell } from "./toast.js";
import * as videos from "./videos.js";

/** Whether the wall is for choosing now. */
export const choosing = signal(false);
/** The two that are compared, or null. */
export const compared = signal(null);
const chosen = signal(new Set());
/** How many are in the file so far; null when none is being made. */
const packed = signal(null);

export const has = (video) => chosen.value.has(video.id);

export function toggle(video) {
  const next = new Set(chosen.value);
  if (!next.delete(video.id)) next.add(video.id);
  chosen.value = next;
}

export function start() {
  choosing.value = true;
}

export function leave() {
  choosing.value = false;
  chosen.value = new Set();
}

async function pack(list) {
  packed.value = 0;
  try {
    await downloadAll(list, (count) => (packed.value = count));
  } catch (error) {
    tell(error.code ? "The videos could not be downloaded." : error.message);
  } finally {
    packed.value = null;
  }
}

export function SelectionBar() {
  if (!choosing.value) return null;
  const list = videos.found.value.filter(has);
  const none = !list.length;
  const starred = !none && list.every(videos.isFavourite);
  const remove = () => {
    videos.remove(...list);
    leave();
  };
  return html`
    <div class="selection" role="toolbar" aria-label="What to do with the selected videos">
      <b role="status">${none ? "Choose some videos" : `${list.length} selected`}</b>
      <button type="button" disabled=${list.length !== 2} title="Compare two" onClick=${() => (compared.value = list)}>
        <${CompareIcon} /><span>Compare</span></button>
      ${may("generate") && html`<button type="button" disabled=${none} aria-pressed=${starred} title="Favourite" onClick=${() => videos.favour(list, !starred)}>
        <${StarIcon} /><span>Favourite</span></button>`}
      <button type="button" disabled=${none || packed.value !== null} title="Download as ZIP" onClick=${() => pack(list)}>
        <${DownloadIcon} /><span>${packed.value === null ? "ZIP" : `${packed.value} of ${list.length} …`}</span></button>
      ${may("generate") && html`<button type="button" disabled=${none} title="Delete" onClick=${remove}><${TrashIcon} /><span>Delete</span></button>`}
      <button type="button" class="bare" aria-label="Stop selecting" onClick=${leave}><${CloseIcon} /></button>
    </div>`;
}
