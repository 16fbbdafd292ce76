// Ten prompts that invite. Each comes with a small painting, which the style sheet makes of gradients.

import { html } from "./vendor.js";
import * as draft from "./draft.js";

const SCENES = [
  ["sunset", "Sunset sea", "A golden sunset over the ocean, waves rolling in, light glittering on the water"],
  ["aurora", "Aurora lake", "Green aurora over a still mountain lake, stars reflected, slow pan to the right"],
  ["city", "Rainy city", "A rainy city at night, lit windows and wet streets full of reflections"],
  ["mountains", "Misty peaks", "Misty mountains at sunrise, layers of blue fading into warm light"],
  ["storm", "Storm", "A storm over the dark sea at night, lightning between heavy clouds, high waves"],
  ["forest", "Snowy pines", "Snow falling on a quiet pine forest at dusk, slow zoom in"],
  ["desert", "Desert noon", "Desert dunes at noon under a wide blue sky, heat in the air"],
  ["meadow", "Flower field", "A field of wild flowers in a gentle summer breeze, drifting clouds"],
  ["campfire", "Campfire", "A campfire under the stars, sparks rising into the night"],
  ["mars", "Mars", "Red dunes of Mars at dawn, dust in the wind, two small moons in the sky"],
];

function use(prompt) {
  draft.prompt.value = prompt;
  draft.source.value = null;
  document.getElementById("prompt").focus();
}

/** `as`: "wall" (paintings, for an empty gallery) or "strip" (one line above a full one). */
export function Scenes({ as }) {
  return html`
    <ul class=${`scenes ${as}`} aria-label="Prompts to start from">
      ${SCENES.map(([look, title, prompt]) => html`
        <li key=${look}>
          <button type="button" class="scene" title=${prompt} onClick=${() => use(prompt)}>
            <span class=${`painting ${look}`} aria-hidden="true"></span>
            <span class="words"><b>${title}</b><span class="text">${prompt}</span></span>
          </button>
        </li>`)}
    </ul>`;
}
