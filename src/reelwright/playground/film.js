// The video on the big screen, and how it is played: frame by frame, slower or faster.

import { html, useEffect, useRef, useState } from "./vendor.js";
import { FrameBackIcon, FrameNextIcon, ImageIcon } from "./icons.js";
import { downloadFrame, useMedia } from "./media.js";
import { calm } from "./times.js";

const SPEEDS = [0.25, 0.5, 1, 2];

const film = () => document.querySelector(".stage video");

function step(frames, fps) {
  const video = film();
  video.pause();
  // The middle of a frame: its beginning may fall into the one before.
  const frame = Math.floor(video.currentTime * fps + 0.01) + frames;
  video.currentTime = Math.min(Math.max(0, video.duration - 0.5 / fps), Math.max(0, (frame + 0.5) / fps));
}

/** Keys of the big screen. Answers whether this was one. */
export function press(key, { final_fps: fps }) {
  const video = film();
  if (!video) return false;
  if (key === " ") video.paused ? video.play() : video.pause();
  else if (key === "f") document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen();
  else if (key === "m") video.muted = !video.muted;
  else if (key === "," || key === ".") step(key === "." ? 1 : -1, fps);
  else return false;
  return true;
}

export function Film({ video }) {
  const src = useMedia(video.id);
  const poster = useMedia(video.id, "poster");
  const box = useRef(null);
  const [speed, setSpeed] = useState(1);
  useEffect(() => {
    if (box.current) box.current.playbackRate = speed;
  }, [speed, src]);
  const [width, height] = video.final_size.split("x");
  return html`
    ${poster && html`<img class="glow" src=${poster} alt="" />`}
    <div class="player" style=${{ "--ratio": width / height }}>
      ${src ? html`<video ref=${box} src=${src} poster=${poster} controls loop autoplay=${!calm.matches} playsinline
        aria-label=${video.prompt}></video>` : html`<div class="blank"></div>`}
      <div class="controls">
        <button type="button" class="bare" aria-label="A frame back" title="A frame back ( , )" onClick=${() => step(-1, video.final_fps)}><${FrameBackIcon} /></button>
        <button type="button" class="bare" aria-label="A frame on" title="A frame on ( . )" onClick=${() => step(1, video.final_fps)}><${FrameNextIcon} /></button>
        <span class="speeds" role="group" aria-label="Speed">${SPEEDS.map((one) => html`
          <button type="button" key=${one} aria-pressed=${one === speed} onClick=${() => setSpeed(one)}>${one}×</button>`)}</span>
        <button type="button" class="bare" aria-label="Save this frame" title="Save this frame" onClick=${() => downloadFrame(film(), video)}><${ImageIcon} /></button>
      </div>
    </div>`;
}
