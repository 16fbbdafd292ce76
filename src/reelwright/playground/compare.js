// Two videos beside each other: they play together, and what differs between them is told.

import { html, useEffect, useRef, useState } from "./vendor.js";
import { CloseIcon, PauseIcon, PlayIcon } from "./icons.js";
import { useMedia } from "./media.js";
import { compared } from "./selection.js";
import { calm, duration } from "./times.js";

const FACTS = {
  prompt: "Prompt", model: "Model", seed: "Seed", size: "Size", seconds: "Seconds", fps: "Frames a second",
  num_inference_steps: "Steps", guidance_scale: "Guidance", negative_prompt: "Left out", motion_bucket_id: "Motion",
};

function Side({ video, film }) {
  const src = useMedia(video.id);
  return html`
    <figure style=${{ "--ratio": video.width / video.height }}>
      ${src && html`<video ref=${film} src=${src} muted loop playsinline preload="auto" aria-label=${video.prompt}></video>`}
    </figure>`;
}

function differences([one, other]) {
  const rows = Object.entries(FACTS).map(([field, name]) => [name, one[field] ?? "–", other[field] ?? "–"]);
  rows.push(["Took", ...[one, other].map((video) => (video.generation_seconds ? duration(video.generation_seconds) : "–"))]);
  return rows.filter(([, left, right]) => String(left) !== String(right));
}

function Pair({ pair }) {
  const dialog = useRef(null);
  const films = [useRef(null), useRef(null)];
  const [playing, setPlaying] = useState(!calm.matches);
  const [at, setAt] = useState(0);
  const both = () => films.map((film) => film.current).filter(Boolean);
  useEffect(() => dialog.current.showModal(), []);
  useEffect(() => {
    for (const film of both()) playing ? film.play().catch(() => {}) : film.pause();
    if (!playing) return undefined;
    const timer = setInterval(() => {
      const [first, second] = both();
      if (!second?.duration) return;
      setAt(first.currentTime / first.duration);
      // The shorter one waits at the beginning for the other.
      if (Math.abs(first.currentTime - second.currentTime) > 0.15 && first.currentTime < second.duration) second.currentTime = first.currentTime;
      for (const film of both()) if (film.paused) film.play().catch(() => {});
    }, 100);
    return () => clearInterval(timer);
  }, [playing]);
  const scrub = (event) => {
    setPlaying(false);
    setAt(+event.target.value);
    for (const film of both()) film.currentTime = +event.target.value * film.duration;
  };
  const rows = differences(pair);
  return html`
    <dialog class="compare" ref=${dialog} aria-label="Two videos compared" onClose=${() => (compared.value = null)}>
      <div class="sides">${pair.map((video, index) => html`<${Side} key=${video.id} video=${video} film=${films[index]} />`)}</div>
      <div class="controls">
        <button type="button" class="bare" aria-label=${playing ? "Pause" : "Play"} onClick=${() => setPlaying(!playing)}>
          ${playing ? html`<${PauseIcon} />` : html`<${PlayIcon} />`}</button>
        <input type="range" min="0" max="1" step="any" value=${at} aria-label="Position" onInput=${scrub} />
      </div>
      <table>
        <caption class="unseen">What differs</caption>
        ${rows.map(([name, left, right]) => html`<tr key=${name}><td>${left}</td><th scope="row">${name}</th><td>${right}</td></tr>`)}
      </table>
      <button type="button" class="bare leave" aria-label="Close" onClick=${() => dialog.current.close()}><${CloseIcon} /></button>
    </dialog>`;
}

export const Compare = () => compared.value && html`<${Pair} pair=${compared.value} />`;
