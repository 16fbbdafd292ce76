// Where a video's file or poster is had from: its address, or a blob where the server wants a key with each request.

import { useEffect, useState } from "./vendor.js";
import * as api from "./api.js";
import { key } from "./key.js";
import { Zip } from "./zip.js";

const MOST_BLOBS = 200;
const blobs = new Map();

/** The URL to show; "" until it is there. */
export function useMedia(id, variant) {
  const address = api.contentPath(id, variant);
  const [fetched, setFetched] = useState({});
  const keyed = Boolean(key.value);
  useEffect(() => {
    let wanted = true;
    if (keyed) {
      blobOf(address).then(
        (url) => wanted && setFetched({ address, url }),
        () => {},
      );
    }
    return () => (wanted = false);
  }, [address, keyed]);
  if (!keyed) return address;
  return fetched.address === address ? fetched.url : "";
}

function blobOf(address) {
  if (!blobs.has(address)) {
    const url = api.content(address).then(URL.createObjectURL);
    url.catch(() => blobs.delete(address));
    blobs.set(address, url);
    if (blobs.size > MOST_BLOBS) forgetOldest();
  }
  return blobs.get(address);
}

function forgetOldest() {
  const [address, url] = blobs.entries().next().value;
  blobs.delete(address);
  url.then(URL.revokeObjectURL);
}

const ENDINGS = { poster: "jpg" };

/** Save a video, or a rendition of it, on the user's disk: at its address it has the server's name. */
export async function download(video, variant) {
  save(await blobOf(api.contentPath(video.id, variant)), `${fileName(video.prompt)}.${ENDINGS[variant] || variant || "mp4"}`);
}

/** All of them in one file. `told` is called with how many are in it so far. */
export async function downloadAll(videos, told) {
  const zip = new Zip();
  for (const [index, video] of videos.entries()) {
    told(index);
    await zip.add(`${fileName(video.prompt)}.mp4`, await api.content(api.contentPath(video.id)), new Date(video.created_at * 1000));
  }
  saveBlob(zip.blob(), `reelwright-${videos.length}-videos.zip`);
}

/** Save the picture that the player shows. */
export async function downloadFrame(film, video) {
  const canvas = document.createElement("canvas");
  canvas.width = film.videoWidth;
  canvas.height = film.videoHeight;
  canvas.getContext("2d").drawImage(film, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  saveBlob(blob, `${fileName(video.prompt)}-${film.currentTime.toFixed(2)}s.png`);
}

export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

function fileName(prompt) {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) || ["video"];
  return words.slice(0, 6).join("-").slice(0, 60);
}
