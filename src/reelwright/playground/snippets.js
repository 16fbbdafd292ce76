// The same video again from a terminal or a program: the commands to copy.

import { key } from "./key.js";
import { EXTRAS } from "./draft.js";

const FIELDS = ["model", "engine", "size", "num_frames", "fps", "seed", ...EXTRAS, "interpolate", "upscale", "extra_params"];

const told = (video) => (field) =>
  video[field] != null && !(field === "interpolate" && video[field] === 1) && !(field === "extra_params" && isEmpty(video[field]));
const isEmpty = (record) => !Object.keys(record).length;

/** The server's address, with a slash at the end. */
const server = () => new URL(".", location.href).href;

/** The JSON text of the request that made this video. */
function body(video) {
  const sent = ["prompt", ...FIELDS].filter(told(video));
  return JSON.stringify(Object.fromEntries(sent.map((field) => [field, video[field]])), null, 2)
    .replace(/"seed": "(\d+)"/, '"seed": $1');
}

export function curl(video) {
  const quoted = body(video).replaceAll("'", "'\\''");
  const header = key.value ? ` \\\n  -H "Authorization: Bearer $REELWRIGHT_API_KEY"` : "";
  return `curl ${server()}v1/videos/sync \\\n  -H "Content-Type: application/json"${header} \\\n` +
    `  -d '${quoted}' \\\n  -o video.mp4\n`;
}

export function python(video) {
  const sent = FIELDS.filter(told(video));
  const values = sent.map((field) => `    ${field}=${literal(field, video[field])},\n`).join("");
  const auth = key.value ? `, api_key=os.environ["REELWRIGHT_API_KEY"]` : "";
  return `${key.value ? "import os\n\n" : ""}from reelwright import Client\n\n` +
    `with Client("${server()}"${auth}) as client:\n` +
    `    video = client.generate(\n        ${JSON.stringify(video.prompt)},\n${values.replace(/^/gm, "    ").trimEnd()}\n    )\n` +
    `    video.wait().save("video.mp4")\n`;
}

export function javascript(video) {
  const header = key.value ? ',\n    Authorization: `Bearer ${process.env.REELWRIGHT_API_KEY}`' : "";
  return `import { writeFile } from "node:fs/promises";\n\n` +
    `const response = await fetch("${server()}v1/videos/sync", {\n  method: "POST",\n` +
    `  headers: { "Content-Type": "application/json"${header} },\n` +
    `  body: JSON.stringify(${body(video).replace(/\n/g, "\n  ")}),\n});\n` +
    `if (!response.ok) throw new Error(await response.text());\n` +
    `await writeFile("video.mp4", Buffer.from(await response.arrayBuffer()));\n`;
}

/** As Python writes it. */
function literal(field, value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value && typeof value === "object" && !Array.isArray(value))
    return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${literal("", inner)}`).join(", ")}}`;
  return field === "seed" || typeof value === "number" ? String(value) : JSON.stringify(value);
}
