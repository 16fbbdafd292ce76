import { useEffect, useRef, useState } from "react";

const SERVER = import.meta.env.VITE_SERVER ?? "http://localhost:3001";

/** One video at a time: `make(prompt)` begins one; the other properties are its state. */
export function useVideo() {
  const [video, setVideo] = useState({ status: "idle" });
  const events = useRef(null);
  const stop = () => events.current?.close();
  useEffect(() => stop, []);

  async function make(prompt) {
    stop();
    setVideo({ status: "queued", progress: 0 });
    const answer = await fetch(`${SERVER}/api/video/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Prefer: "respond-async" },
      body: JSON.stringify({ prompt }),
    });
    const body = await answer.json();
    if (!answer.ok) return setVideo({ status: "failed", error: body.error });

    const told = new EventSource(SERVER + body.events_url);
    events.current = told;
    const end = (video) => {
      told.close(); // or it connects again
      setVideo(video);
    };
    told.addEventListener("progress", (event) => {
      setVideo({ status: "in_progress", progress: JSON.parse(event.data).progress });
    });
    told.addEventListener("completed", () => end({ status: "completed", url: SERVER + body.video_url }));
    told.addEventListener("failed", (event) => {
      end({ status: "failed", error: JSON.parse(event.data).error.message });
    });
  }

  return { ...video, make };
}
