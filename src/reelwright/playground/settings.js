// The dials under the prompt: shape, length, quality, seed, and whatever else the chosen card honours.

import { html, useId } from "./vendor.js";
import * as cards from "./cards.js";
import * as draft from "./draft.js";
import { DiceIcon, LockIcon, ShapeIcon, UnlockIcon } from "./icons.js";

/** A row of choices of which one is taken. `options`: [value, label, what a screen reader says]. */
function Choice({ legend, options, value, onChoose }) {
  const group = useId();
  return html`
    <fieldset class="choice">
      <legend>${legend}</legend>
      <div class="row">
        ${options.map(([option, label, spoken]) => html`
          <label key=${option} title=${spoken}>
            <input type="radio" name=${group} checked=${option === value} aria-label=${spoken}
              onChange=${() => onChoose(option)} />
            <span>${label}</span>
          </label>`)}
      </div>
    </fieldset>`;
}

function Shape() {
  const exact = draft.exactSize.value;
  const options = Object.entries(cards.SHAPES).map(([name, ratio]) => {
    const { width, height } = cards.size(draft.card.value, name, draft.quality.value);
    return [name, html`<${ShapeIcon} ratio=${ratio} />${name}`, `${name}, ${width} × ${height}`];
  });
  const picture = draft.picture.value || draft.lastPicture.value;
  if (picture) {
    const ratio = picture.width / picture.height;
    const { width, height } = cards.size(draft.card.value, ratio, draft.quality.value);
    options.unshift(["picture", html`<${ShapeIcon} ratio=${ratio} />Picture`, `As the picture, ${width} × ${height}`]);
  }
  if (draft.shape.value === cards.OWN) {
    const { width, height } = draft.card.value && cards.size(draft.card.value, cards.OWN, draft.quality.value);
    options.unshift([cards.OWN, html`<${ShapeIcon} ratio=${width / height} />Own`, `The model's own, ${width} × ${height}`]);
  }
  if (exact) options.push(["exact", `${exact.width} × ${exact.height}`, "The size of the video you took over"]);
  const choose = (name) => {
    if (name === "exact") return;
    draft.exactSize.value = null;
    draft.shapeChosen.value = name !== "picture";
    if (name !== "picture") draft.wishedShape.value = name;
  };
  const value = exact ? "exact" : draft.follows.value ? "picture" : draft.shape.value;
  return html`<${Choice} legend="Shape" options=${options} value=${value} onChoose=${choose} />`;
}

function Length() {
  const exact = draft.exactFrames.value;
  const options = draft.lengths.value.map((seconds) => [seconds, `${seconds} s`, `${seconds} seconds`]);
  const taken = exact && Math.round((exact / draft.fps.value) * 10) / 10;
  const offered = draft.lengths.value.includes(taken);
  if (exact && !offered) options.push([taken, `${taken} s`, `${taken} seconds, as in the video you took over`]);
  const choose = (seconds) => {
    draft.exactFrames.value = null;
    draft.seconds.value = seconds;
  };
  return html`<${Choice} legend="Length" options=${options} value=${exact ? taken : draft.length.value} onChoose=${choose} />`;
}

function Quality() {
  const { card, exactSize, aspect } = draft;
  const options = Object.keys(cards.QUALITIES).map((quality) => {
    const { width, height } = cards.size(card.value, aspect.value, quality);
    return [quality, quality, `${quality}: ${width} × ${height} at ${cards.rate(card.value, quality)} frames a second`];
  });
  const choose = (quality) => {
    exactSize.value = draft.exactFps.value = draft.exactFrames.value = null;
    draft.quality.value = quality;
  };
  return html`<${Choice} legend="Quality" options=${options} value=${exactSize.value ? "" : draft.quality.value} onChoose=${choose} />`;
}

function Seed() {
  const { seed } = draft;
  const locked = seed.value !== "";
  const type = (event) => (event.target.value = seed.value = event.target.value.replace(/\D/g, "").slice(0, 19));
  const toggle = () => (seed.value = locked ? "" : draft.lastSeed.value || draft.drawSeed());
  return html`
    <fieldset class="choice seed">
      <legend>Seed</legend>
      <div class="row">
        <input type="text" inputmode="numeric" aria-label="Seed" placeholder="New each time" size="11" autocomplete="off"
          value=${seed.value} onInput=${type} />
        <button type="button" class="bare" aria-label="Draw a seed" title="Draw a seed"
          onClick=${() => (seed.value = draft.drawSeed())}><${DiceIcon} /></button>
        <button type="button" class="bare" aria-pressed=${locked} aria-label="Keep this seed"
          title=${locked ? "Kept for the next video" : "Keep one seed"} onClick=${toggle}>
          <${locked ? LockIcon : UnlockIcon} /></button>
      </div>
    </fieldset>`;
}

function setExtra(name, value) {
  draft.extras.value = { ...draft.extras.value, [name]: value };
}

function NumberField({ name, label, hint, min, max, step = 1, normal }) {
  const id = useId();
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <input id=${id} type="number" min=${min} max=${max} step=${step} placeholder=${normal ?? "model's own"}
        value=${draft.extras.value[name] ?? ""} onInput=${(event) => setExtra(name, event.target.value)} />
      <small>${hint}</small>
    </div>`;
}

function Rate() {
  const card = draft.card.value;
  const set = (event) => {
    const value = Math.round(+event.target.value);
    draft.exactFps.value = value >= 1 && value <= card.max_fps ? value : null;
    draft.exactFrames.value = null;
  };
  return html`
    <div class="field">
      <label for="fps">Frames a second</label>
      <input id="fps" type="number" min="1" max=${card.max_fps} placeholder=${cards.rate(card, draft.quality.value)}
        value=${draft.exactFps.value ?? ""} onChange=${set} />
      <small>1–${card.max_fps}</small>
    </div>`;
}

/** Twice as many frames a second, drawn in between; a video that was taken over may have more. */
function Smooth() {
  const { interpolate } = draft;
  const factor = interpolate.value > 1 ? interpolate.value : 2;
  return html`
    <div class="field">
      <label class="tick"><input type="checkbox" checked=${interpolate.value > 1}
        onChange=${(event) => (interpolate.value = event.target.checked ? factor : 1)} />Smooth motion</label>
      <small>${draft.fps} → ${draft.fps.value * factor} frames a second, drawn in between</small>
    </div>`;
}

function Loop() {
  return html`
    <div class="field">
      <label class="tick"><input type="checkbox" checked=${draft.loops}
        onChange=${(event) => (draft.loops.value = event.target.checked)} />Loop</label>
      <small>The end meets the beginning, without a jump</small>
    </div>`;
}

function Enlarge({ models }) {
  return html`
    <div class="field">
      <label for="enlarge">Enlarge</label>
      <select id="enlarge" value=${draft.enlarge.value} onChange=${(event) => (draft.enlarge.value = event.target.value)}>
        <option value="">No</option>
        ${models.map(({ name, factor }) => html`<option key=${name} value=${name}>${factor} × (${name})</option>`)}
      </select>
    </div>`;
}

function More() {
  const card = draft.card.value;
  const has = (name) => card.honours.includes(name);
  return html`
    <details class="more">
      <summary>More</summary>
      <div class="fields">
        ${has("negative_prompt") && html`
          <div class="field wide">
            <label for="negative">Leave out</label>
            <input id="negative" type="text" maxlength="32000" placeholder="What the video should not show"
              value=${draft.extras.value.negative_prompt ?? ""}
              onInput=${(event) => setExtra("negative_prompt", event.target.value)} />
          </div>`}
        <${Rate} />
        <${Smooth} />
        ${draft.canLoop.value && html`<${Loop} />`}
        ${card.refinements.upscale.length > 0 && html`<${Enlarge} models=${card.refinements.upscale} />`}
        ${has("num_inference_steps") && html`<${NumberField} name="num_inference_steps" label="Steps" min="1"
          max=${card.max_steps} normal=${card.default_steps} hint=${`1–${card.max_steps}; more is finer and slower`} />`}
        ${has("guidance_scale") && html`<${NumberField} name="guidance_scale" label="Guidance" min="0" max="100"
          step="0.1" hint="How closely to follow the prompt" />`}
        ${has("motion_bucket_id") && html`<${NumberField} name="motion_bucket_id" label="Motion" min="1" max="255"
          normal="127" hint="1–255; more moves more" />`}
        ${has("noise_aug_strength") && html`<${NumberField} name="noise_aug_strength" label="Freedom" min="0" max="1"
          step="0.01" normal="0.02" hint="0–1; how far it may leave the picture" />`}
      </div>
    </details>`;
}

/** The numbers that the presets stand for, in one line. */
function Numbers() {
  const { width, height } = draft.size.value;
  const seconds = Math.round((draft.frames.value / draft.fps.value) * 100) / 100;
  const shape = draft.exactSize.value ? "" : `${draft.follows.value ? "Picture" : draft.shape} · ${draft.quality} · `;
  return html`<span class="numbers"><span>${shape}</span>${width} × ${height} · ${draft.frames} frames · ${draft.fps} fps${draft.interpolate.value > 1 && ` → ${draft.fps.value * draft.interpolate.value}`} · ${seconds} s</span>`;
}

function ownNumbers() {
  const { default_width, default_height, default_frames, default_fps } = draft.card.value;
  return `${default_width} × ${default_height}, ${default_frames} frames at ${default_fps} a second`;
}

export function Settings() {
  return html`
    <details class="settings" open=${draft.unfolded}
      onToggle=${(event) => (draft.unfolded.value = event.target.open)}>
      <summary><span>Settings</span><${Numbers} /></summary>
      <div class="dials"><${Shape} /><${Length} /><${Quality} /><${Seed} />
        <div class="foot"><${More} />
          <button type="button" class="text-button own" onClick=${draft.useOwn} title=${ownNumbers()}>As the model has it</button></div>
      </div>
    </details>`;
}
