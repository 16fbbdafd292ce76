// Where a video's file or poster is had from: its address, or a blob where the server wants a key with each request.

import { useEffect, useState } from "./vendor.js";
import * as api from "./api.js";
import { key } from "./key.js";

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

/** Save the file on the user's disk, under a name made of the prompt's first words: at its address it has the server's. */
export async function download(video) {
  const link = document.createElement("a");
  link.href = await blobOf(api.contentPath(video.id));
  link.download = `${fileName(video.prompt)}.mp4`;
  link.click();
}

function fileName(prompt) {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) || ["video"];
  return words.slice(0, 6).join("-").slice(0, 60);
}
