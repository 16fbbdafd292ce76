// The head of the wall: its search, its filters, and the way into choosing.

import { html } from "./vendor.js";
import * as cards from "./cards.js";
import * as draft from "./draft.js";
import { FilterIcon, SearchIcon, SelectIcon, StarIcon } from "./icons.js";
import { Menu } from "./menu.js";
import * as selection from "./selection.js";
import * as videos from "./videos.js";

const STATES = { "": "All", completed: "Ready", failed: "Failed" };
const SHAPES = { "": "Any", landscape: "Wide", portrait: "Tall", square: "Square" };

function Search() {
  return html`
    <label class="search"><${SearchIcon} /><span class="unseen">Search your videos</span>
      <input type="search" id="search" placeholder="Search" value=${videos.sought.value.q} autocomplete="off" maxlength="200"
        onInput=${(event) => videos.seek({ q: event.target.value })} />
    </label>`;
}

function Pick({ legend, name, options }) {
  const value = videos.sought.value[name];
  return html`
    <fieldset class="choice"><legend>${legend}</legend>
      <div class="row">${Object.entries(options).map(([option, label]) => html`
        <label key=${option}><input type="radio" name=${`filter-${name}`} checked=${option === value}
          onChange=${() => videos.seek({ [name]: option })} /><span>${label}</span></label>`)}
      </div>
    </fieldset>`;
}

function Choices() {
  return html`
    <div class="filters">
      <${Pick} legend="State" name="status" options=${STATES} />
      <${Pick} legend="Shape" name="shape" options=${SHAPES} />
      <div class="field"><label for="filter-model">Model</label>
        <select id="filter-model" value=${videos.sought.value.model} onChange=${(event) => videos.seek({ model: event.target.value })}>
          <option value="">Any</option>
          ${draft.known.value.map((card) => html`<option key=${cards.name(card)} value=${cards.name(card)}>${card.title}</option>`)}
        </select></div>
      ${videos.filters.value > 0 && html`<button type="button" class="text-button" data-close onClick=${videos.seekAll}>Show all videos</button>`}
    </div>`;
}

/** How many there are of what is sought. */
function Note() {
  if (!videos.narrowed.value || videos.seeking.value || videos.trouble.value) return null;
  const count = videos.found.value.length + videos.cancelled.value.length;
  const more = videos.loading.value === "idle" ? " and more" : "";
  return html`
    <p class="note" role="status">${count ? `${count}${more} found.` : "No video is like that."}
      <button type="button" class="text-button" onClick=${videos.seekAll}>Show all videos</button></p>`;
}

export function Head() {
  const { favourite } = videos.sought.value;
  const count = videos.filters.value - (favourite ? 1 : 0);
  const choosing = selection.choosing.value;
  return html`
    <div class="head">
      <h2 id="wall-title">Your videos</h2>
      <${Search} />
      <button type="button" class=${favourite ? "bare star on" : "bare star"} title="Favourites only" aria-label="Favourites only" aria-pressed=${favourite}
        onClick=${() => videos.seek({ favourite: !favourite })}><${StarIcon} /></button>
      <${Menu} label=${count ? `Filter, ${count} set` : "Filter"} look=${`right bare-menu ${count ? "set" : ""}`} face=${html`<${FilterIcon} />`}>${() => html`<${Choices} />`}<//>
      <button type="button" class="bare" title="Select several" aria-label="Select several" aria-pressed=${choosing}
        onClick=${choosing ? selection.leave : selection.start}><${SelectIcon} /></button>
    </div>
    <${Note} />`;
}
