// The choice of a model: what each is, what it lacks, how long it takes here, and whether it costs.

import { html, signal } from "./vendor.js";
import * as cards from "./cards.js";
import * as draft from "./draft.js";
import { NextIcon } from "./icons.js";
import { Menu } from "./menu.js";
import { duration } from "./times.js";
import { Told } from "./trouble.js";
import * as videos from "./videos.js";

const MANY = 6;
const sought = signal("");

/** The middle of the times that the videos on this page took with it, in seconds; null when there are none. */
function usual(card) {
  const own = (video) => video.generation_seconds && video.engine === card.engine && video.model === card.model;
  const times = videos.all.value.filter(own).map((video) => video.generation_seconds).sort((a, b) => a - b);
  return times.length ? times[times.length >> 1] : null;
}

function facts(card) {
  const seconds = usual(card);
  return [
    seconds && `usually ${duration(seconds)} here`,
    card.paid ? "the provider charges for it" : card.paid === false && "free of charge",
    !cards.imagines(card) && "animates a picture",
    card.license,
  ].filter(Boolean).join(" · ");
}

const Kind = ({ card }) =>
  html`<span class=${`kind ${card.generative_ai ? "ai" : ""}`}>${card.generative_ai ? "AI" : "no AI"}</span>`;

function Option({ card }) {
  const taken = card === draft.card.value;
  return html`
    <li><button type="button" class="model-card" data-close data-model=${cards.name(card)} aria-pressed=${taken}
        onClick=${() => draft.choose(cards.name(card))}>
      <span class="title"><b>${card.title}</b><${Kind} card=${card} />${card.ready === false && html`<span class="kind">not fetched</span>`}</span>
      <span class="about">${card.description}</span>
      ${card.lacks && html`<span class="lacks"><${Told} text=${card.lacks} /></span>`}
      <small>${facts(card)}</small>
    </button></li>`;
}

function List() {
  const words = sought.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (card) => words.every((word) => `${cards.name(card)} ${card.title}`.toLowerCase().includes(word));
  const listed = draft.known.value.filter(fits);
  const engines = [...new Set(listed.map((card) => card.engine))];
  return html`
    ${draft.known.value.length > MANY && html`
      <input type="search" class="find" aria-label="Find a model" placeholder="Find a model" value=${sought.value} autofocus
        onInput=${(event) => (sought.value = event.target.value)} />`}
    <div class="models">
      ${engines.map((engine) => html`
        <section key=${engine} aria-label=${engine}>
          ${engines.length > 1 && html`<h3>${engine}</h3>`}
          <ul>${listed.filter((card) => card.engine === engine).map((card) => html`<${Option} key=${cards.name(card)} card=${card} />`)}</ul>
        </section>`)}
      ${!listed.length && html`<p class="soft">No model is called that.</p>`}
    </div>`;
}

export function Model() {
  const card = draft.card.value;
  const face = html`<b>${card.title}</b><${Kind} card=${card} /><${NextIcon} />`;
  return html`<${Menu} label=${`Model: ${card.title}`} title=${card.description} look="model" face=${face}>${() => html`<${List} />`}<//>`;
}
