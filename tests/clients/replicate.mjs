// The `replicate` package from npm, as it is, pointed at this server:
// node replicate.mjs BASE_URL CROWD_URL SECURE_URL PICTURE_FILE
// Prints what it saw as one line of JSON; the test looks at it.

import fs from "node:fs";
import http from "node:http";

import Replicate from "replicate";

const [baseUrl, crowdUrl, secureUrl, pictureFile] = process.argv.slice(2);
const auth = "any";
const client = new Replicate({ auth, baseUrl });
const model = "reelwright/toy";
const small = { width: 64, height: 64, num_frames: 4, fps: 8 };
const bytes = fs.readFileSync(pictureFile);

async function errorOf(call) {
  try {
    await call();
  } catch (error) {
    const body = error.response ? JSON.parse(error.message.slice(error.message.indexOf("{"), -1)) : null;
    return { message: error.message, status: error.response?.status, body };
  }
  return null;
}

async function magic(output) {
  const blob = await output.blob();
  return [output.constructor.name, blob.type, Buffer.from(await blob.arrayBuffer()).subarray(4, 8).toString("latin1")];
}

// Pictures, in every form and by every way.
const pictures = {};
for (const fileEncodingStrategy of [undefined, "default", "upload"]) {
  const sender = new Replicate({ auth, baseUrl, fileEncodingStrategy });
  const forms = {
    buffer: bytes,
    blob: new Blob([bytes], { type: "image/png" }),
    file: new File([bytes], "füchse & «co».png", { type: "image/png" }),
  };
  for (const [form, image] of Object.entries(forms)) {
    const made = await sender.predictions.create({ model, input: { prompt: "paint", ...small, image }, wait: true });
    pictures[`${fileEncodingStrategy} ${form}`] = [made.status, made.input.image.slice(0, 30)];
  }
}

const uri = `data:image/png;base64,${bytes.toString("base64")}`;
const byUri = await client.predictions.create({ model, input: { prompt: "paint", ...small, image: uri }, wait: true });
pictures.uri = [byUri.status, byUri.input.image];
// This strategy is broken in the package (1.0 to 1.4): it sends the client itself, with the token in it, as the input.
const careless = new Replicate({ auth: "r8_canary", baseUrl, fileEncodingStrategy: "data-uri" });
const leaked = await errorOf(() => careless.run(model, { input: { prompt: "paint", ...small, image: bytes } }));

const file = await client.files.create(new File([bytes], "füchse.png", { type: "image/png" }), { team: "red" });
const files = {
  file,
  same: (await client.files.get(file.id)).checksums.sha256 === file.checksums.sha256,
  listed: (await client.files.list()).results.some((one) => one.id === file.id),
  deleted: await client.files.delete(file.id),
  gone: await errorOf(() => client.files.get(file.id)),
};

// Ways to wait.
const input = { prompt: "paint", ...small };
const told = [];
const waits = {
  block: typeof (await client.run(model, { input })),
  poll: typeof (await client.run(model, { input, wait: { mode: "poll", interval: 20 } }, (one) => told.push(one.status))),
  short: typeof (await client.run(model, { input: { ...input, prompt: "slow 1.5" }, wait: { mode: "block", timeout: 1 } })),
  told: [told[0], told.at(-1)],
};
const aborted = new AbortController();
const stopped = [];
await client.run(
  model,
  { input: { ...input, prompt: "slow 60" }, wait: { mode: "poll", interval: 20 }, signal: { get aborted() { return aborted.signal.aborted; } } },
  (one) => {
    stopped.push(one.status);
    if (one.status === "processing") aborted.abort();
  },
);

const latest = (await client.models.get("reelwright", "toy")).latest_version;
const prediction = await client.predictions.create({ version: latest.id, input: { ...input, seed: 7 }, wait: true });
const models = {
  listed: (await client.models.list()).results.map((one) => `${one.owner}/${one.name}`),
  versions: (await client.models.versions.list("reelwright", "toy")).results.map((one) => one.id === latest.id),
  version: (await client.models.versions.get("reelwright", "toy", latest.id)).id === latest.id,
  byVersion: typeof (await client.run(`${model}:${latest.id}`, { input })),
  prompt: latest.openapi_schema.components.schemas.Input.properties.prompt,
  output: latest.openapi_schema.components.schemas.Output,
};

// A webhook, as it arrives.
const { key: secret } = await client.webhooks.default.secret.get();
const arrived = await new Promise((resolve) => {
  const receiver = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end();
    receiver.close();
    resolve({ headers: request.headers, body });
  });
  receiver.listen(0, "127.0.0.1", () => {
    const webhook = `http://127.0.0.1:${receiver.address().port}/hook`;
    client.predictions.create({ model, input, webhook, webhook_events_filter: ["completed"] });
  });
});
const { headers, body } = arrived;
const webhook = {
  prediction: JSON.parse(body),
  valid: await Replicate.validateWebhook({
    id: headers["webhook-id"],
    timestamp: headers["webhook-timestamp"],
    signature: headers["webhook-signature"],
    body,
    secret,
  }),
  asRequest: await Replicate.validateWebhook(new Request("http://x/", { method: "POST", headers, body }), secret),
  forged: await Replicate.validateWebhook({ headers, body: body.replace("paint", "point") }, secret),
};

const crowd = new Replicate({ auth, baseUrl: crowdUrl });
const listed = new Set();
for await (const page of crowd.paginate(crowd.predictions.list)) for (const one of page) listed.add(one.id);

const secure = new Replicate({ auth, baseUrl: secureUrl });

const seen = {
  pictures,
  files,
  waits,
  stopped,
  prediction,
  progress: Replicate.parseProgressFromLogs(prediction),
  models,
  account: await client.accounts.current(),
  webhook,
  listed: listed.size,
  secure: await magic(await secure.run(model, { input: { ...input, image: bytes } })),
  leaked: { ...leaked, message: leaked.message.includes("r8_canary") },
  errors: {
    stream: await errorOf(async () => { for await (const _ of client.stream(model, { input })); }),
    failed: await errorOf(() => client.run(model, { input: { ...input, prompt: "refuse" } })),
    model: await errorOf(() => client.run("somebody/unheard-of", { input })),
    version: await errorOf(() => client.run("somebody/unheard-of:abc", { input })),
    modelFacts: await errorOf(() => client.models.get("somebody", "unheard-of")),
    deployment: await errorOf(() => client.deployments.predictions.create("acme", "video", { input })),
    deployments: await errorOf(() => client.deployments.list()),
    training: await errorOf(() => client.trainings.get("x")),
    collection: await errorOf(() => client.collections.get("x")),
    hardware: await errorOf(() => client.hardware.list()),
  },
};
console.log(JSON.stringify(seen));
