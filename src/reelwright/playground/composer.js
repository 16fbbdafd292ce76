// The prompt box: words, a picture, a model, and the button that makes a video of them.

import { effect, html, signal, useEffect, useRef } from "./vendor.js";
import * as api from "./api.js";
import * as cards from "./cards.js";
import { Chips, ChipsButton } from "./chips.js";
import * as draft from "./draft.js";
import * as history from "./history.js";
import { CloseIcon, ImageIcon, LastImageIcon, PlayIcon, SoundIcon, TakesIcon, WarnIcon } from "./icons.js";
import { Model } from "./models.js";
import { Settings } from "./settings.js";
import { announce, tell } from "./toast.js";
import { explain, Told } from "./trouble.js";
import * as videos from "./videos.js";

const MAC = /Mac|iP(hone|ad|od)/.test(navigator.platform);
const VARIATIONS = 4;
const sending = signal(false);
const trouble = signal(null);

async function submit(event) {
  event?.preventDefault();
  if (sending.value || !draft.card.value) return;
  const missing = whatIsMissing();
  if (missing) {
    trouble.value = { title: missing };
    document.getElementById("prompt").focus();
    return;
  }
  const wishes = draft.requests.value;
  let accepted = 0;
  sending.value = true;
  history.note(draft.request.value.prompt);
  try {
    for (const wish of wishes) {
      const video = await send(wish);
      accepted += 1;
      draft.lastSeed.value = String(video.seed);
      videos.take([video]);
      if (accepted === 1) requestAnimationFrame(() => reveal(video.id));
    }
    trouble.value = null;
    videos.seekAll();
    if (draft.extended.value) clear();
    announce(accepted > 1 ? `Accepted. ${accepted} videos are in the queue.` : "Accepted. The video is in the queue.");
  } catch (error) {
    const some = wishes.length > 1 ? `${accepted} of ${wishes.length} were accepted.` : "";
    trouble.value = { ...explain(error), some };
  } finally {
    sending.value = false;
  }
}

function send(wish) {
  if (draft.extended.value) return api.extend(draft.extended.value.id, draft.extension(wish));
  return draft.isRemix() ? api.remix(draft.source.value.id, wish.prompt) : api.create(wish);
}

function whatIsMissing() {
  if (!draft.request.value.prompt)
    return draft.extended.value ? "Describe what happens next first." : "Describe what you would like to see first.";
  if (!cards.imagines(draft.card.value) && !draft.picture.value && !draft.extended.value && !draft.isRemix())
    return `${draft.card.value.title} animates a picture. Add one first.`;
  return "";
}

function reveal(id) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.getElementById(`tile-${id}`)?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

export async function takePicture(file) {
  try {
    const note = await draft.takePicture(file);
    if (note) tell(note);
    announce("Picture added");
  } catch (error) {
    tell(error.message);
  }
}

function Prompt() {
  const box = useRef(null);
  const text = draft.prompt.value;
  useEffect(() => {
    box.current.style.height = "auto";
    box.current.style.height = `${box.current.scrollHeight}px`;
  }, [text]);
  const key = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return html`
    <label class="unseen" for="prompt">What the video shows</label>
    <textarea id="prompt" ref=${box} rows="2" maxlength="32000" value=${text} aria-describedby="trouble"
      placeholder=${draft.extended.value ? "Describe what happens next …" : "Describe a shot: the place, the light, how the camera moves …"}
      onInput=${(event) => (draft.prompt.value = event.target.value)} onKeyDown=${key}></textarea>`;
}

/** A shape that differs by less comes from rounding the sides. */
const SAME = 0.97;

/** The whole picture, and a frame around the part of it that the video shows. */
function Still({ picture, part }) {
  const ratio = picture.width / picture.height;
  const percent = (share) => `${(share * 100).toFixed(2)}%`;
  const frame = {
    left: percent((1 - part.width) / 2),
    top: percent((1 - part.height) / 2),
    width: percent(part.width),
    height: percent(part.height),
  };
  const box = { width: `${Math.min(112, 76 * ratio)}px`, aspectRatio: `${picture.width} / ${picture.height}` };
  return html`
    <span class="still" style=${box}>
      <img src=${picture.url} alt="" />
      ${isCut(part) && html`<i class="crop" style=${frame}></i>`}
    </span>`;
}

const isCut = (part) => Math.min(part.width, part.height) < SAME;

export async function takeLastPicture(file) {
  try {
    await draft.takeLastPicture(file);
    announce("Last picture added");
  } catch (error) {
    tell(error.message);
  }
}

function Picture({ picture, does, label, onDrop }) {
  if (!picture) return null;
  const part = cards.crop(picture, draft.size.value);
  const cut = isCut(part);
  return html`
    <p class="picture">
      <${Still} picture=${picture} part=${part} />
      <span>${does} <b>${picture.name}</b><br />
        <small>${picture.width} × ${picture.height}${cut && html` · <span class="cut">the frame shows what the video keeps</span>`}</small></span>
      <button type="button" class="bare" aria-label=${label} onClick=${onDrop}><${CloseIcon} /></button>
    </p>`;
}

function AddPicture() {
  const input = useRef(null);
  if (!draft.known.value.some(cards.animates)) return null;
  const choose = (event) => {
    if (event.target.files[0]) takePicture(event.target.files[0]);
    event.target.value = "";
  };
  return html`
    <input ref=${input} type="file" accept="image/*" hidden data-role="picture" onChange=${choose} />
    <button type="button" class="bare" title="Start from a picture (or drop or paste one)"
      aria-label="Start from a picture" onClick=${() => input.current.click()}><${ImageIcon} /></button>`;
}

function AddLastPicture() {
  const input = useRef(null);
  if (!cards.ends(draft.card.value)) return null;
  const alone = draft.card.value.ends_alone || draft.picture.value || draft.extended.value;
  const choose = (event) => {
    if (event.target.files[0]) takeLastPicture(event.target.files[0]);
    event.target.value = "";
  };
  const title = alone ? "End with a picture" : "End with a picture: add one to start from first";
  return html`
    <input ref=${input} type="file" accept="image/*" hidden data-role="last-picture" onChange=${choose} />
    <button type="button" class="bare" title=${title} aria-label="End with a picture" disabled=${!alone}
      onClick=${() => input.current.click()}><${LastImageIcon} /></button>`;
}

function Sound() {
  if (!draft.hasSound.value) return null;
  const on = draft.sound.value;
  return html`
    <button type="button" class="bare" title=${on ? "With sound" : "Without sound"} aria-label="Sound" aria-pressed=${on}
      onClick=${() => (draft.sound.value = !on)}><${SoundIcon} /></button>`;
}

function Takes() {
  const { takes } = draft;
  const many = takes.value > 1;
  return html`
    <button type="button" class="bare takes" title=${many ? "Four videos of each prompt" : "Make four variations at once"}
      aria-label="Four variations" aria-pressed=${many} onClick=${() => (takes.value = many ? 1 : VARIATIONS)}><${TakesIcon} /></button>`;
}

/** A prompt of several lines may be a list of prompts. */
function Lines() {
  const count = draft.lineCount.value;
  if (count < 2 || draft.extended.value) return null;
  return html`
    <label class="tick line-list"><input type="checkbox" checked=${draft.oneALine}
      onChange=${(event) => (draft.oneALine.value = event.target.checked)} />A video for each of the ${count} lines</label>`;
}

/** What the chosen model lacks, or what keeps its engine from working as it should. */
function Notice() {
  const { lacks, engine } = draft.card.value;
  const text = lacks || draft.warnings.value[engine];
  return text && html`<p class="trouble notice" role="status"><${WarnIcon} /><span><${Told} text=${text} /></span></p>`;
}

function Extended() {
  const video = draft.extended.value;
  if (!video) return null;
  return html`
    <p class="source">Goes on from <q>${video.prompt}</q>
      <button type="button" class="bare" aria-label="Start afresh" onClick=${clear}><${CloseIcon} /></button></p>`;
}

function Source() {
  const video = draft.source.value;
  if (!video) return null;
  return html`
    <p class="source">${draft.seed.value ? "All settings of" : "Remix of"} <q>${video.prompt}</q>
      ${video.has_image && !draft.picture.value && html`<small>${draft.isRemix() ? "with its picture" : "add its picture again"}</small>`}
      <button type="button" class="bare" aria-label="Start afresh" onClick=${clear}><${CloseIcon} /></button></p>`;
}

function clear() {
  draft.extended.value = draft.source.value = draft.exactSize.value = draft.exactFrames.value = draft.exactFps.value = null;
  draft.seed.value = "";
}

function Trouble() {
  const { title, detail, remedy, some } = trouble.value || {};
  return html`
    <div id="trouble" role="alert">
      ${title && html`<p class="trouble"><${WarnIcon} /><span><b>${title}</b> ${detail} ${remedy && html`<${Told} text=${remedy} />`} ${some}</span></p>`}
    </div>`;
}

/** What went wrong because the server was away is over when it is back. */
export function listen() {
  effect(() => {
    if (api.reachable.value && trouble.peek()?.code === "unreachable") trouble.value = null;
  });
}

export function Composer() {
  if (!draft.card.value) return html`<div class="composer waiting" aria-busy="true"></div>`;
  const count = draft.prompts.value.length * draft.takes.value;
  const verb = draft.extended.value ? "Extend" : "Generate";
  return html`
    <form class="composer" onSubmit=${submit}>
      <${Source} />
      <${Extended} />
      <${Prompt} />
      <${Lines} />
      <${Chips} />
      <${Picture} picture=${draft.picture.value} does="Starts from" label="Remove the picture" onDrop=${draft.dropPicture} />
      <${Picture} picture=${draft.lastPicture.value} does="Ends with" label="Remove the last picture" onDrop=${draft.dropLastPicture} />
      <div class="bar">
        <span class="tools">
          <${AddPicture} />
          <${AddLastPicture} />
          <${Sound} />
          <${ChipsButton} />
          <${Takes} />
          <${history.History} />
        </span>
        <${Model} />
        <button class="go" disabled=${sending} title=${`${MAC ? "⌘" : "Ctrl"} + Enter`}>
          <${PlayIcon} />${verb}${count > 1 && ` ${count}`} <kbd aria-hidden="true">${MAC ? "⌘" : "Ctrl"} ↵</kbd>
        </button>
      </div>
      <${Notice} />
      <${Trouble} />
      <${Settings} />
    </form>`;
}
