// One video with Node 20 or newer and nothing else: node node.mjs "Snow on a pine forest" snow.mp4
import { writeFile } from "node:fs/promises";

const server = process.env.REELWRIGHT_SERVER ?? "http://localhost:3001";
const key = process.env.REELWRIGHT_API_KEY;
const headers = { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) };

async function call(path, options = {}) {
  const answer = await fetch(server + path, { headers, ...options });
  if (!answer.ok) {
    const { error } = await answer.json();
    throw new Error(`${answer.status}: ${error.message ?? error}`);
  }
  return answer;
}

/** The events of a video as { kind, data }, until the server ends the stream. */
async function* events(path) {
  let text = "";
  for await (const chunk of (await call(path)).body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields.event) yield { kind: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

const [prompt, path] = process.argv.slice(2);
const created = await call("/v1/videos", {
  method: "POST",
  body: JSON.stringify({ prompt, size: "512x288", seconds: "2" }),
});
const { id } = await created.json();
for await (const { kind, data } of events(`/v1/videos/${id}/events`)) {
  if (kind === "progress") console.error(`${data.status} ${data.progress} %`);
  if (kind === "failed") throw new Error(`${data.error.code}: ${data.error.message}`);
}
const content = await call(`/v1/videos/${id}/content`);
await writeFile(path, Buffer.from(await content.arrayBuffer()));
console.log(path);
