// One video on the big screen, with everything known about it. Its address is the page's with #id.

import { html, signal, useEffect, useRef } from "./vendor.js";
import { Film, press } from "./film.js";
import { BackIcon, CloseIcon, NextIcon } from "./icons.js";
import { Sheet } from "./sheet.js";
import { Failure, Leader } from "./tile.js";
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
    const { target, key: name } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("video, input, select, .pop")) return;
    if (name === "ArrowRight") go(neighbour(video.id, 1));
    else if (name === "ArrowLeft") go(neighbour(video.id, -1));
    // Space presses the button that it stands on.
    else if ((name !== " " || !target.closest("button, summary, a")) && press(name, video)) event.preventDefault();
  };
  const leave = (then) => {
    afterwards.value = then;
    close();
  };
  const remove = () => {
    const next = neighbour(video.id, 1) || neighbour(video.id, -1);
    if (next) go(next);
    else close();
    videos.remove(video);
  };
  return html`
    <dialog class="screen" tabindex="-1" ref=${dialog} aria-label=${video.prompt} onClose=${close} onKeyDown=${key}>
      <${Stage} key=${video.id} video=${video} />
      <${Sheet} video=${video} leave=${leave} remove=${remove} />
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
