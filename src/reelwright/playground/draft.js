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
/** A name of cards.SHAPES, cards.OWN, or empty until one is chosen: then it is the model's own, and wide of a sketch. */
export const wishedShape = signal("");
/** Whether the user has chosen the shape on this visit. */
export const shapeChosen = signal(false);
export const quality = signal("Standard");
/** 0 until a length is chosen: then it is the model's own, and four seconds of a sketch. */
export const seconds = signal(0);
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
export const shape = computed(() => wishedShape.value || (card.value.generative_ai ? cards.ownShape(card.value) : "16:9"));
const wishedLength = computed(() => seconds.value || (card.value.generative_ai ? cards.ownLength(card.value) : 4));
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
  lengths.value.reduce((best, one) =>
    Math.abs(one - wishedLength.value) < Math.abs(best - wishedLength.value) ? one : best),
);
export const frames = computed(
  () => exactFrames.value || cards.frames(card.value, length.value, fps.value, size.value),
);

/** How many videos are made of each prompt. */
export const takes = signal(1);
/** Whether each line of the prompt is a prompt of its own. */
export const oneALine = signal(false);
const lines = computed(() => prompt.value.split("\n").map((line) => line.trim()).filter(Boolean));
/** How many prompts there are, should each line be one. */
export const lineCount = computed(() => lines.value.length);
/** The prompts that are sent. */
export const prompts = computed(() => (oneALine.value && lines.value.length > 1 ? lines.value : [prompt.value.trim()]));
/** Whether the clip is to begin again without a jump, where the model can. */
export const loops = signal(true);
export const canLoop = computed(() => card.value.params.includes("loop"));

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
  ...(loops.value && canLoop.value && { extra_params: { loop: true } }),
}));

/** The bodies of all requests that the draft stands for: each prompt, in as many takes as are wanted. */
export const requests = computed(() =>
  prompts.value.flatMap((words) => Array.from({ length: takes.value }, (_, take) => {
    // One seed would give one video, again and again.
    const own = take > 0 && request.value.seed && { seed: String((BigInt(request.value.seed) + BigInt(take)) % 2n ** 63n) };
    return { ...request.value, prompt: words, ...own };
  })),
);

/** The same for what goes on from another video: that one gives the size, the rate and the first picture. */
export function extension({ size: _size, fps: _fps, input_reference: _picture, extra_params: _params, ...rest }) {
  return rest;
}

/** The body of the request that made this video, its pictures left out. */
export function wishOf(video) {
  const { prompt: words, engine, model, size: frame, num_frames, fps: rate } = video;
  const more = ["seed", ...EXTRAS, "upscale"].filter((field) => video[field] != null);
  return {
    prompt: words, engine, model, size: frame, num_frames, fps: rate,
    ...Object.fromEntries(more.map((field) => [field, video[field]])),
    ...(video.interpolate > 1 && { interpolate: video.interpolate }),
    ...(video.generate_audio && { generate_audio: true }),
    ...(Object.keys(video.extra_params).length && { extra_params: video.extra_params }),
  };
}

function honoured(chosenCard, values) {
  const sent = EXTRAS.filter((field) => chosenCard.honours.includes(field) && values[field]);
  return Object.fromEntries(sent.map((field) => [field, field === "negative_prompt" ? values[field] : +values[field]]));
}

/** Whether a remix of the source asks for what this draft asks for: all as it was but the prompt and the seed. */
export function isRemix() {
  const was = source.value;
  const now = request.value;
  return Boolean(
    was && same(now.extra_params || {}, was.extra_params) && !now.seed && !now.input_reference && !now.last_image && !was.extended_from_video_id &&
    (now.generate_audio ?? null) === (was.generate_audio || null) && was.engine === now.engine && was.model === now.model &&
    was.size === now.size && was.num_frames === now.num_frames && was.fps === now.fps &&
    was.interpolate === (now.interpolate ?? 1) && (was.upscale ?? null) === (now.upscale ?? null) &&
    EXTRAS.every((field) => (now[field] ?? null) === (was[field] ?? null)),
  );
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

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
  if (canLoop.value) loops.value = Boolean(video.extra_params.loop);
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

/** All settings as the model's makers have them. */
export function useOwn() {
  exactSize.value = exactFrames.value = null;
  exactFps.value = card.value.default_fps;
  quality.value = "Standard";
  wishedShape.value = cards.ownShape(card.value);
  shapeChosen.value = true;
  seconds.value = cards.ownLength(card.value);
  extras.value = {};
  interpolate.value = 1;
  enlarge.value = seed.value = "";
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
    if (saved.shape in cards.SHAPES) wishedShape.value = saved.shape;
    if (saved.quality in cards.QUALITIES) quality.value = saved.quality;
    if (saved.seconds > 0) seconds.value = saved.seconds;
    chosen.value = saved.chosen || "";
    unfolded.value = Boolean(saved.unfolded);
    loops.value = saved.loops ?? true;
    prompt.value = sessionStorage.getItem(NAME) || "";
  } catch {
    localStorage.removeItem(NAME);
  }
  effect(() => {
    const choices = { shape: wishedShape, quality, seconds, chosen, unfolded, loops };
    localStorage.setItem(NAME, JSON.stringify(choices));
  });
  effect(() => sessionStorage.setItem(NAME, prompt.value));
}
