// What the user is about to ask for: the choices, and the request they make.

import { computed, effect, signal } from "./vendor.js";
import * as cards from "./cards.js";
import * as image from "./image.js";

const NAME = "reelwright.draft";

export const known = signal([]);
/** By engine: what keeps it from working as it should, though it works. */
export const warnings = signal({});
export const prompt = signal("");
export const chosen = signal("");
export const shape = signal("16:9");
/** Whether the user has chosen the shape on this visit. */
export const shapeChosen = signal(false);
export const quality = signal("Standard");
export const seconds = signal(4);
/** A size, count or rate taken over from a video as it is; null follows the presets. */
export const exactSize = signal(null);
export const exactFrames = signal(null);
export const exactFps = signal(null);
/** Empty: the server draws a new one each time. */
export const seed = signal("");
export const lastSeed = signal("");
/** By how much the frame rate is multiplied after the engine; 1: not at all. */
export const interpolate = signal(1);
/** The upscaling model that enlarges the frames after the engine; empty: none. */
export const enlarge = signal("");
/** The optional fields as typed, by name; only what the card honours is sent. */
export const extras = signal({});
export const picture = signal(null);
/** The picture that the video ends with. */
export const lastPicture = signal(null);
/** Whether sound is asked for. */
export const sound = signal(false);
/** Whether the settings are unfolded. */
export const unfolded = signal(false);
/** The video whose settings these are, until they are changed. */
export const source = signal(null);
/** The video that the next one goes on from. */
export const extended = signal(null);

export const EXTRAS = ["negative_prompt", "num_inference_steps", "guidance_scale", "motion_bucket_id", "noise_aug_strength"];

export const card = computed(() => known.value.find((one) => cards.name(one) === chosen.value) || known.value[0]);
export const fps = computed(() => exactFps.value || cards.rate(card.value, quality.value));
/** The picture's own shape counts until another one is chosen. */
export const follows = computed(() => Boolean(picture.value || lastPicture.value) && !shapeChosen.value);
/** A name of cards.SHAPES, or the picture's width by its height. */
export const aspect = computed(() => {
  const shown = picture.value || lastPicture.value;
  return follows.value ? shown.width / shown.height : shape.value;
});
export const size = computed(() => exactSize.value || cards.size(card.value, aspect.value, quality.value));
export const lengths = computed(() => cards.lengths(card.value, fps.value, size.value));
/** The length that is offered and nearest to the one wished for. */
export const length = computed(() =>
  lengths.value.reduce((best, one) => (Math.abs(one - seconds.value) < Math.abs(best - seconds.value) ? one : best)),
);
export const frames = computed(
  () => exactFrames.value || cards.frames(card.value, length.value, fps.value, size.value),
);

export const hasSound = computed(() => card.value.honours.includes("generate_audio"));

/** The body of POST /v1/videos. */
export const request = computed(() => ({
  prompt: prompt.value.trim(),
  engine: card.value.engine,
  model: card.value.model,
  size: `${size.value.width}x${size.value.height}`,
  num_frames: frames.value,
  fps: fps.value,
  ...(seed.value && { seed: seed.value }),
  ...honoured(card.value, extras.value),
  ...(interpolate.value > 1 && { interpolate: interpolate.value }),
  ...(enlarge.value && { upscale: enlarge.value }),
  ...(picture.value && { input_reference: picture.value.data }),
  ...(lastPicture.value && { last_image: lastPicture.value.data }),
  ...(sound.value && hasSound.value && { generate_audio: true }),
}));

/** The same for what goes on from another video: that one gives the size, the rate and the first picture. */
export const extension = computed(() => {
  const { size: _size, fps: _fps, input_reference: _picture, ...rest } = request.value;
  return rest;
});

function honoured(chosenCard, values) {
  const sent = EXTRAS.filter((field) => chosenCard.honours.includes(field) && values[field]);
  return Object.fromEntries(sent.map((field) => [field, field === "negative_prompt" ? values[field] : +values[field]]));
}

/** Whether a remix of the source asks for what this draft asks for: all as it was but the prompt and the seed. */
export function isRemix() {
  const was = source.value;
  const now = request.value;
  return Boolean(
    was && !now.seed && !now.input_reference && !now.last_image && !was.extended_from_video_id &&
    (now.generate_audio ?? null) === (was.generate_audio || null) && was.engine === now.engine && was.model === now.model &&
    was.size === now.size && was.num_frames === now.num_frames && was.fps === now.fps &&
    was.interpolate === (now.interpolate ?? 1) && (was.upscale ?? null) === (now.upscale ?? null) &&
    EXTRAS.every((field) => (now[field] ?? null) === (was[field] ?? null)),
  );
}

export const drawSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

/** Take over a finished video's settings; with `keepSeed` all of them, else all but the seed. */
export function takeOver(video, { keepSeed }) {
  const its = known.value.find((one) => one.engine === video.engine && one.model === video.model);
  prompt.value = video.prompt;
  if (its) chosen.value = cards.name(its);
  exactSize.value = { width: video.width, height: video.height };
  exactFrames.value = video.num_frames;
  exactFps.value = video.fps;
  seed.value = keepSeed ? String(video.seed) : "";
  interpolate.value = video.interpolate ?? 1;
  enlarge.value = video.upscale ?? "";
  extras.value = Object.fromEntries(EXTRAS.filter((f) => video[f] != null).map((f) => [f, String(video[f])]));
  sound.value = Boolean(video.generate_audio);
  dropPicture();
  dropLastPicture();
  extended.value = null;
  source.value = video;
}

/** Go on from a finished video. Answers what to tell, if another model has to do it. */
export function goOn(video) {
  const its = known.value.find((one) => one.engine === video.engine && one.model === video.model);
  const able = its && cards.animates(its) ? its : known.value.find(cards.animates);
  if (!able) return "No model on this server goes on from a picture.";
  dropPicture();
  dropLastPicture();
  prompt.value = seed.value = "";
  source.value = exactFrames.value = null;
  chosen.value = cards.name(able);
  exactSize.value = { width: video.width, height: video.height };
  exactFps.value = video.fps;
  sound.value = Boolean(video.generate_audio);
  extended.value = video;
  return able === its ? "" : `${able.title} was chosen, because it can go on from a picture.`;
}

export function choose(value) {
  chosen.value = value;
  exactSize.value = exactFrames.value = exactFps.value = null;
  if (!cards.animates(card.value)) {
    dropPicture();
    extended.value = null;
  }
  if (!cards.ends(card.value)) dropLastPicture();
}

/** Use a picture the user gave. Answers what to tell them, if the model had to be changed for it. */
export async function takePicture(file) {
  const taken = await image.read(file);
  extended.value = null;
  dropPicture();
  picture.value = taken;
  if (cards.animates(card.value)) return null;
  const able = known.value.find(cards.animates);
  if (!able) {
    dropPicture();
    throw new Error("No model on this server animates a picture.");
  }
  choose(cards.name(able));
  return `${able.title} was chosen, because it can animate a picture.`;
}

export function dropPicture() {
  if (picture.value) URL.revokeObjectURL(picture.value.url);
  picture.value = null;
}

/** Use a picture as the last frame. */
export async function takeLastPicture(file) {
  const taken = await image.read(file);
  dropLastPicture();
  lastPicture.value = taken;
}

export function dropLastPicture() {
  if (lastPicture.value) URL.revokeObjectURL(lastPicture.value.url);
  lastPicture.value = null;
}

/** Remember the choices in this browser, and the unfinished prompt in this tab. */
export function remember() {
  try {
    const saved = JSON.parse(localStorage.getItem(NAME)) || {};
    if (saved.shape in cards.SHAPES) shape.value = saved.shape;
    if (saved.quality in cards.QUALITIES) quality.value = saved.quality;
    if (saved.seconds > 0) seconds.value = saved.seconds;
    chosen.value = saved.chosen || "";
    unfolded.value = Boolean(saved.unfolded);
    prompt.value = sessionStorage.getItem(NAME) || "";
  } catch {
    localStorage.removeItem(NAME);
  }
  effect(() => {
    const choices = { shape, quality, seconds, chosen, unfolded };
    localStorage.setItem(NAME, JSON.stringify(choices));
  });
  effect(() => sessionStorage.setItem(NAME, prompt.value));
}
