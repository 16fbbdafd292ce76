// The AI SDK makes videos through OpenRouter's provider: `node openrouter.mjs ADDRESS KEYED_ADDRESS PICTURE PICTURE_URL`.
// The two addresses end with /api/v1; the second server asks for the key "right-key-0123456789". Prints what was seen, as JSON.

import { readFile } from "node:fs/promises";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { experimental_generateVideo as generateVideo } from "ai";

const [address, keyed, picture, pictureUrl] = process.argv.slice(2);
const QUICK = { pollIntervalMs: 100 };
const SMALL = { prompt: "paint", resolution: "64x64", duration: 1, maxRetries: 0 };

/** As docs/dialects/openrouter.md shows it: the SDK itself fetches from public addresses only, and without a key. */
function download(key) {
  return async ({ url, abortSignal }) => {
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${key}` }, signal: abortSignal });
    if (!answer.ok) throw new Error(`${answer.status} for ${url}`);
    const mediaType = answer.headers.get("content-type") ?? undefined;
    return { data: new Uint8Array(await answer.arrayBuffer()), mediaType };
  };
}

function seen({ video, warnings, providerMetadata }) {
  const begins = Buffer.from(video.uint8Array.slice(4, 8)).toString();
  return { begins, mediaType: video.mediaType, warnings, metadata: providerMetadata.openrouter };
}

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.name, message: error.message, status: error.statusCode ?? null };
  }
}

const openrouter = createOpenRouter({ baseURL: address, apiKey: "any" });
const model = openrouter.videoModel("reelwright/toy", QUICK);
const make = (fields) => generateVideo({ model, download: download("any"), ...SMALL, ...fields });
const locked = (apiKey) => ({
  model: createOpenRouter({ baseURL: keyed, apiKey }).videoModel("reelwright/toy", QUICK),
  download: download(apiKey),
});

const [plain, bytes, byUrl, shaped, passed, several] = await Promise.all([
  make({ seed: 3 }),
  make({ prompt: { text: "paint", image: await readFile(picture) } }),
  make({ prompt: { text: "paint", image: pictureUrl } }),
  make({ resolution: undefined, aspectRatio: "9:16" }),
  make({ providerOptions: { openrouter: { generate_audio: false, fps: 5 } } }),
  make({ n: 2 }),
]);

console.log(
  JSON.stringify({
    plain: seen(plain),
    pictures: [seen(bytes).begins, seen(byUrl).begins],
    shaped: seen(shaped),
    passed: seen(passed),
    several: several.videos.length,
    withKey: seen(await make(locked("right-key-0123456789"))),
    wrongKey: await failure(make(locked("wrong"))),
    refused: await failure(make({ prompt: "refuse" })),
    tooLong: await failure(make({ duration: 9999 })),
    noSuchModel: await failure(make({ model: openrouter.videoModel("google/veo-3.1", QUICK) })),
    sound: await failure(make({ model: openrouter.videoModel("reelwright/toy", { ...QUICK, generateAudio: true }) })),
  }),
);
