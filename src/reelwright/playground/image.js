// A picture from the user, on its way to the server: read, and made smaller where the server would refuse it.

const PLAIN = ["image/png", "image/jpeg", "image/webp"];
const MOST_BYTES = 11e6;
const MOST_PIXELS = 36e6;
const MOST_SIDE = 4096;
const DRAWN_SIDE = 1024;

/** {data, url, name, width, height}: a data URI to send and an object URL to show. Throws in plain words. */
export async function read(file) {
  const bitmap = await createImageBitmap(file).catch(() => drawing(file)).catch(() => {
    throw new Error(`${file.name || "This file"} is not a picture this browser can open. Try a PNG, JPEG or WebP.`);
  });
  const { width, height } = bitmap;
  const fits = PLAIN.includes(file.type) && file.size <= MOST_BYTES && width * height <= MOST_PIXELS;
  const blob = fits ? file : await redraw(bitmap);
  bitmap.close();
  return { data: await dataUri(blob), url: URL.createObjectURL(blob), name: file.name || "Pasted picture", width, height };
}

/** An SVG picture, which need not have a size of its own. */
async function drawing(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const ratio = image.naturalWidth / image.naturalHeight || 1;
    const size = { resizeWidth: Math.round(DRAWN_SIDE * Math.min(1, ratio)), resizeHeight: Math.round(DRAWN_SIDE / Math.max(1, ratio)) };
    return await createImageBitmap(image, size);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function redraw(bitmap) {
  const scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // what is transparent becomes white, as on the server
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("The picture could not be read."));
    reader.readAsDataURL(blob);
  });
}

/** A data URI as an object URL: the page's policy lets no data URI in. */
export function objectUrl(uri) {
  const [head, data] = uri.split(",");
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
}
