// The `openai` package from npm, as it is, pointed at this server: node openai.mjs BASE_URL CROWD_URL PICTURE_URL PICTURE_FILE
// Prints what it saw as one line of JSON; the test looks at it.

import fs from "node:fs";

import OpenAI, { toFile } from "openai";

const [baseURL, crowdURL, pictureUrl, pictureFile] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 });
const small = { model: "toy", size: "64x64", num_frames: 4, fps: 8 };

async function made(fields) {
  return ended(await client.videos.create({ ...small, ...fields }));
}

async function ended(video) {
  while (video.status === "queued" || video.status === "in_progress") {
    await new Promise((resolve) => setTimeout(resolve, 50));
    video = await client.videos.retrieve(video.id);
  }
  return video;
}

async function magic(id, variant) {
  const answer = await client.videos.downloadContent(id, { variant });
  return Buffer.from(await answer.arrayBuffer()).subarray(0, 12).toString("latin1");
}

async function errorOf(call) {
  try {
    await call();
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, param: error.param, id: error.requestID };
  }
  return null;
}

const plain = await made({ prompt: "paint" });
const byUrl = await made({ prompt: "paint", input_reference: { image_url: pictureUrl } });
const byFile = await made({ prompt: "paint", input_reference: fs.createReadStream(pictureFile) });
const byBytes = await made({ prompt: "paint", input_reference: await toFile(fs.readFileSync(pictureFile), "upload") });
const nested = await made({ prompt: "paint", metadata: { team: "red" }, extra_params: { list: [1, { a: "b" }] } });
const remix = await client.videos.remix(plain.id, { prompt: "repaint" });
const extended = await ended(await client.videos.extend({ prompt: "paint", seconds: "1", video: { id: byUrl.id } }));
const failed = await made({ prompt: "refuse" });

const crowd = new OpenAI({ baseURL: crowdURL, apiKey: "any" });
const listed = new Set();
for await (const video of crowd.videos.list({ limit: 50, order: "asc" })) listed.add(video.id);

const seen = {
  plain,
  images: [byUrl, byFile, byBytes].map((video) => [video.status, video.has_image]),
  nested: [nested.status, nested.metadata],
  remix: [remix.remixed_from_video_id === plain.id, remix.prompt],
  extended: [extended.status, extended.extended_from_video_id === byUrl.id, extended.seconds],
  failed: [failed.status, failed.error],
  listed: listed.size,
  content: {
    video: await magic(plain.id, "video"),
    thumbnail: await magic(plain.id, "thumbnail"),
    spritesheet: await magic(plain.id, "spritesheet"),
  },
  deleted: await client.videos.delete(plain.id),
  errors: {
    gone: await errorOf(() => client.videos.retrieve(plain.id)),
    model: await errorOf(() => client.videos.create({ prompt: "paint", model: "unheard-of" })),
    edit: await errorOf(() => client.videos.edit({ prompt: "x", video: { id: byUrl.id } })),
    extend: await errorOf(() => client.videos.extend({ prompt: "x", seconds: "4", video: { id: plain.id } })),
  },
};
console.log(JSON.stringify(seen));
