// Vercel's `ai` with `@ai-sdk/replicate`, as they are, pointed at this server: node ai_sdk.mjs BASE_URL PICTURE_FILE
// Prints what it saw as one line of JSON; the test looks at it.

import fs from "node:fs";

import { createReplicate } from "@ai-sdk/replicate";
import { experimental_generateVideo as generateVideo } from "ai-7";

const [baseURL, pictureFile] = process.argv.slice(2);
const provider = createReplicate({ apiToken: "any", baseURL });
const bytes = fs.readFileSync(pictureFile);

// The package's own download refuses every address that is not public.
async function download({ url, abortSignal }) {
  const answer = await fetch(url, { signal: abortSignal, headers: { Authorization: "Bearer any" } });
  return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get("content-type") };
}

async function made(fields, model = "reelwright/toy") {
  const { videos, warnings, providerMetadata } = await generateVideo({
    model: provider.video(model),
    download,
    maxRetries: 0,
    ...fields,
  });
  const id = providerMetadata.replicate.predictionId;
  const prediction = await (await fetch(`${baseURL}/predictions/${id}`)).json();
  const video = await (await fetch(`${baseURL}/videos/${id}`)).json();
  return {
    magic: videos.map((one) => Buffer.from(one.uint8Array).subarray(4, 8).toString("latin1")),
    types: videos.map((one) => one.mediaType),
    input: prediction.input,
    seen: [video.width, video.height, video.fps, video.num_frames, video.has_image],
    warnings,
    told: prediction.warnings,
  };
}

async function errorOf(fields) {
  try {
    await made(fields);
  } catch (error) {
    return { name: error.name, message: error.message, status: error.statusCode };
  }
  return null;
}

const prompt = "paint";
const version = (await (await fetch(`${baseURL}/models/reelwright/toy`)).json()).latest_version.id;
const seen = {
  plain: await made({ prompt, resolution: "128x64", duration: 0.5, fps: 8, seed: 9 }),
  shape: await made({ prompt, aspectRatio: "9:16", duration: 0.5 }),
  version: await made({ prompt, resolution: "64x64", duration: 0.5 }, `reelwright/toy:${version}`),
  several: await made({ prompt, resolution: "64x64", duration: 0.5, n: 3 }),
  picture: await made({ prompt: { text: prompt, image: bytes }, duration: 0.5 }),
  frame: await made({ prompt, frameImages: [{ image: bytes, frameType: "first_frame" }], resolution: "64x64", duration: 0.5 }),
  options: await made({
    prompt,
    resolution: "64x64",
    duration: 0.5,
    providerOptions: {
      replicate: { frames_per_second: 8, prompt_optimizer: true, motion_bucket_id: 100, decoding_t: 7, maxWaitTimeInSeconds: 30 },
    },
  }),
  polled: await made({
    prompt: "slow 1.5",
    resolution: "64x64",
    duration: 0.5,
    providerOptions: { replicate: { maxWaitTimeInSeconds: 1, pollIntervalMs: 50 } },
  }),
  errors: {
    failed: await errorOf({ prompt: "refuse", resolution: "64x64" }),
    long: await errorOf({ prompt, duration: 1e6 }),
    unknown: await errorOf({ prompt, providerOptions: { replicate: { foo: 1 } } }),
  },
};
console.log(JSON.stringify(seen));
