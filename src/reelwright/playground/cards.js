// The numbers behind the presets, worked out from a model's card. Pure: cards and choices go in, numbers come out.

export const SHAPES = { "16:9": 16 / 9, "21:9": 21 / 9, "4:3": 4 / 3, "1:1": 1, "3:4": 3 / 4, "9:16": 9 / 16 };

/** The shape that a model makes by itself. */
export const OWN = "own";

/** How many pixels, as a multiple of the card's own frame. */
export const QUALITIES = { Draft: 0.5, Standard: 1, High: 2 };

const LENGTHS = [2, 4, 6, 10, 20];
const SMOOTH_FPS = 24;

/**
 * Width and height in pixels for a shape and a quality, within the card's bounds. `shape` is a name of SHAPES, or a
 * ratio: a picture's own. In standard quality the server chooses the same for a picture that comes without a size.
 */
export function size(card, shape, quality) {
  const native = card.default_width / card.default_height;
  // A named shape that is nearly the card's own is meant to be the card's own: 832 × 480 stands for 16:9.
  const wanted = shape === OWN ? native : (SHAPES[shape] ?? shape);
  if (shape === OWN && quality === "Standard") return { width: card.default_width, height: card.default_height };
  if (card.sizes?.length) return nearest(card.sizes, wanted);
  const ratio = shape in SHAPES && Math.abs(wanted / native - 1) < 0.06 ? native : wanted;
  const area = card.default_width * card.default_height * QUALITIES[quality];
  const longest = Math.max(Math.sqrt(area * ratio), Math.sqrt(area / ratio));
  const fit = Math.min(1, card.max_side / longest);
  return { width: side(card, Math.sqrt(area * ratio) * fit), height: side(card, Math.sqrt(area / ratio) * fit) };
}

/** Of the only sizes that a model makes, the one whose shape is nearest. */
function nearest(sizes, ratio) {
  const off = ([width, height]) => Math.abs(Math.log(width / height / ratio));
  const [width, height] = sizes.reduce((best, one) => (off(one) < off(best) ? one : best));
  return { width, height };
}

function side(card, pixels) {
  const step = card.side_multiple;
  const nearest = Math.round(pixels / step) * step;
  return Math.min(Math.floor(card.max_side / step) * step, Math.max(Math.ceil(card.min_side / step) * step, nearest));
}

/** Frames a second. All but a draft is smooth where the card has frames to spare: ten seconds of them. */
export function rate(card, quality) {
  const smooth = quality !== "Draft" && card.max_fps >= SMOOTH_FPS && card.max_frames >= 10 * SMOOTH_FPS;
  return smooth ? Math.max(SMOOTH_FPS, card.default_fps) : card.default_fps;
}

/** The lengths in seconds that can be had at this rate and size: round ones, the card's own, and its longest. */
export function lengths(card, fps, { width, height }) {
  const most = mostFrames(card, width, height) / fps;
  const own = card.default_frames / card.default_fps;
  const round = LENGTHS.filter((seconds) => seconds * fps >= card.min_frames && seconds <= most);
  const all = [...round, Math.min(own, most)];
  if (most < LENGTHS.at(-1)) all.push(most);
  return [...new Set(all.map((seconds) => Math.round(seconds * 10) / 10))].sort((a, b) => a - b).slice(0, 6);
}

/** The name of the card's own shape among SHAPES, or OWN where none is near. */
export function ownShape(card) {
  const native = card.default_width / card.default_height;
  return Object.keys(SHAPES).find((name) => Math.abs(SHAPES[name] / native - 1) < 0.06) || OWN;
}

/** How long a clip the model makes by itself, in seconds. */
export const ownLength = (card) => card.default_frames / card.default_fps;

/** How many frames `seconds` are. */
export function frames(card, seconds, fps, { width, height }) {
  const wanted = Math.round(seconds * fps);
  // A length is shown with one decimal; the card's own count is meant when it is that length.
  const near = Math.abs(card.default_frames - seconds * fps) <= 0.05 * fps + 0.5;
  const count = near && fps === card.default_fps ? card.default_frames : wanted;
  return Math.min(mostFrames(card, width, height), Math.max(card.min_frames, count));
}

function mostFrames(card, width, height) {
  return Math.min(card.max_frames, Math.floor(card.max_pixel_frames / (width * height)));
}

/** The part of a picture that a video of `size` shows, as shares of the picture's width and height. */
export function crop(picture, size) {
  const wider = picture.width / picture.height / (size.width / size.height);
  return { width: Math.min(1, 1 / wider), height: Math.min(1, wider) };
}

export const animates = (card) => card.tasks.includes("image-to-video");
/** Whether it takes a picture to end with. */
export const ends = (card) => card.honours.includes("last_image");
export const imagines = (card) => card.tasks.includes("text-to-video");
export const name = (card) => `${card.engine}/${card.model}`;
