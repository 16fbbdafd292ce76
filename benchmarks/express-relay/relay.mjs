// The baseline: POST /api/video/generate relays one prompt to one upstream and answers with the video.
// Environment: UPSTREAM_URL (the endpoint), PORT (0: any free one), HF_TOKEN (sent upstream if set).
// No queue, no record, no checks: what a small Express server does. Prints its address when it listens.
import { Buffer } from "node:buffer";
import process from "node:process";
import express from "express";

const upstream = process.env.UPSTREAM_URL;
if (!upstream) {
  console.error("UPSTREAM_URL is not set: give the address of the endpoint to relay.");
  process.exit(2);
}
const headers = { "content-type": "application/json", accept: "video/mp4" };
if (process.env.HF_TOKEN) headers.authorization = `Bearer ${process.env.HF_TOKEN}`;

const app = express();
app.disable("x-powered-by");
app.use(express.json());

app.get("/health", (request, response) => {
  response.json({ status: "healthy", timestamp: new Date().toISOString() });
});

app.post("/api/video/generate", async (request, response) => {
  const prompt = request.body?.prompt;
  if (typeof prompt !== "string" || prompt.trim() === "") {
    response.status(400).json({ success: false, error: "Prompt cannot be empty" });
    return;
  }
  const began = performance.now();
  try {
    const answer = await fetch(upstream, { method: "POST", headers, body: JSON.stringify({ inputs: prompt }) });
    if (!answer.ok) {
      response.status(answer.status).json({ success: false, error: "Failed to generate video" });
      return;
    }
    const video = Buffer.from(await answer.arrayBuffer());
    response.set({
      "Content-Type": "video/mp4",
      "Content-Disposition": `attachment; filename="generated-video-${Date.now()}.mp4"`,
      "X-Generation-Time": `${((performance.now() - began) / 1000).toFixed(2)}s`,
      "X-Video-Size": `${(video.length / 1024 / 1024).toFixed(2)}MB`,
    });
    response.send(video);
  } catch (error) {
    response.status(500).json({ success: false, error: "Failed to generate video", message: error.message });
  }
});

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
