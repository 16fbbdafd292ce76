import { useState } from "react";

import { useVideo } from "./useVideo.js";

export default function App() {
  const [prompt, setPrompt] = useState("A lighthouse in a storm");
  const video = useVideo();
  const busy = video.status === "queued" || video.status === "in_progress";

  return (
    <main>
      <form onSubmit={(event) => { event.preventDefault(); video.make(prompt); }}>
        <input value={prompt} onChange={(event) => setPrompt(event.target.value)} aria-label="Prompt" />
        <button disabled={busy}>Make it</button>
      </form>
      {busy && <progress value={video.progress} max="100" />}
      {video.status === "completed" && <video src={video.url} controls autoPlay loop muted />}
      {video.status === "failed" && <p role="alert">{video.error}</p>}
    </main>
  );
}
