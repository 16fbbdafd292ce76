// Words for the camera and the style, to put into the prompt and to take out again.

import { html, signal } from "./vendor.js";
import * as draft from "./draft.js";
import { WandIcon } from "./icons.js";

const SETS = {
  Camera: {
    "Pan left": "slow pan to the left", "Pan right": "slow pan to the right", "Zoom in": "slow zoom in",
    "Zoom out": "slow zoom out", "Tilt up": "the camera tilts up", Orbit: "orbit around the subject",
    "Fly through": "fly-through", Aerial: "aerial view", Handheld: "handheld camera", Still: "static camera",
  },
  Style: {
    Cinematic: "cinematic light", "Golden hour": "golden hour", "Black and white": "black and white",
    Watercolour: "watercolour style", Ink: "ink drawing style", "Pixel art": "pixel art style", Anime: "anime style",
    "Time lapse": "time lapse", "Slow motion": "slow motion",
  },
};

const open = signal(false);

export const ChipsButton = () => html`
  <button type="button" class="bare" title="Camera and style" aria-label="Camera and style" aria-expanded=${open.value}
    aria-pressed=${open.value} onClick=${() => (open.value = !open.value)}><${WandIcon} /></button>`;

function toggle(words) {
  const { prompt } = draft;
  if (!prompt.value.includes(words)) prompt.value = prompt.value.trim() ? `${prompt.value.trimEnd()}, ${words}` : words;
  else prompt.value = prompt.value.replace(`, ${words}`, "").replace(words, "").replace(/^, /, "");
}

export function Chips() {
  if (!open.value) return null;
  return html`
    <div class="chips">
      ${Object.entries(SETS).map(([name, set]) => html`
        <div key=${name} role="group" aria-label=${name}><span class="soft">${name}</span>
          ${Object.entries(set).map(([label, words]) => html`
            <button type="button" key=${label} title=${words} aria-pressed=${draft.prompt.value.includes(words)}
              onClick=${() => toggle(words)}>${label}</button>`)}
        </div>`)}
    </div>`;
}
