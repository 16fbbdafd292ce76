// What a program with Hugging Face's own package does when this server is its endpoint. Arguments: the address of a
// model's route. Prints what it saw, as JSON.

import { InferenceClient } from "@huggingface/inference";

const [endpointUrl] = process.argv.slice(2);
const client = new InferenceClient("hf_any");
const small = { width: 64, height: 64, num_frames: 4 };

const text = await client.request({ endpointUrl, inputs: "paint", parameters: small }, { outputType: "blob" });
const seen = { type: text.type, head: Buffer.from(await text.arrayBuffer()).subarray(4, 8).toString() };

try {
  await client.request({ endpointUrl, inputs: "paint", parameters: { ...small, fps: 0 } });
} catch (error) {
  seen.refused = { name: error.name, status: error.httpResponse?.status, body: error.httpResponse?.body };
}

try {
  await client.textToVideo({ endpointUrl, provider: "hf-inference", inputs: "paint" });
} catch (error) {
  seen.task = error.message;
}

process.stdout.write(JSON.stringify(seen));
