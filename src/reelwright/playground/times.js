// Times in words, and whether things may move.

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment, in seconds since the epoch. */
export const moment = (seconds, style = { dateStyle: "medium", timeStyle: "short" }) =>
  new Intl.DateTimeFormat(undefined, style).format(seconds * 1000);
