// Line icons, drawn on a 24 × 24 grid. Decoration: the words stand beside them or in a label.

import { html } from "./vendor.js";

const icon = (...paths) => () => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${paths.map((d) => html`<path d=${d} />`)}</svg>`;

export const CloseIcon = icon("M6 6l12 12M18 6L6 18");
export const CopyIcon = icon("M9 9h11v11H9z", "M15 9V4H4v11h5");
export const DiceIcon = icon("M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z",
  "M8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01");
export const DownloadIcon = icon("M12 4v11M7 10.5l5 5 5-5M5 20h14");
export const ImageIcon = icon("M4 5h16v14H4z", "M4 16l4.5-4.5L13 16l3-3 4 4", "M15.5 9h.01");
export const KeyIcon = icon("M14.5 9.500a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0z", "M13.3 12.700l6.7 6.700M17 16.500l2-2");
export const LinkIcon = icon("M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.700l-1 1",
  "M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.700l1-1");
export const LockIcon = icon("M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3");
export const UnlockIcon = icon("M6 11h12v9H6z", "M8.5 11V7a3.5 3.5 0 0 1 6.8-1.2");
export const NextIcon = icon("M9 5l7 7-7 7");
export const BackIcon = icon("M15 5l-7 7 7 7");
export const PlayIcon = icon("M8 5.500v13l10.5-6.500z");
export const RemixIcon = icon("M4 8h4c5 0 4 8 9 8h3M17 13l3 3-3 3", "M4 16h4c1.3 0 2.2-.6 2.9-1.400M13.1 9.400C13.8 8.6 14.7 8 16 8h4M17 5l3 3-3 3");
export const ExtendIcon = icon("M4 6h9v12H4z", "M16 12h5M18.500 9.500L21 12l-2.500 2.500");
export const LastImageIcon = icon("M4 5h12v14H4z", "M4 16l4-4 4 4", "M20 5v14");
export const SoundIcon = icon("M4 10v4h3l4 4V6l-4 4z", "M15 9a4.200 4.200 0 0 1 0 6M17.500 6.500a7.800 7.800 0 0 1 0 11");
export const SearchIcon = icon("M16 10.500a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0z", "M14.5 14.500L20 20");
export const TrashIcon = icon("M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13");
export const WarnIcon = icon("M12 4.500L21 20H3z", "M12 10v4.500M12 17.200h.01");

export const StarIcon = icon("M12 4.500l2.300 4.900 5.200.7-3.800 3.700.9 5.300-4.600-2.600-4.600 2.600.9-5.300-3.800-3.700 5.200-.7z");
export const FilterIcon = icon("M4 7h16M7 12h10M10 17h4");
export const SelectIcon = icon("M4 5h16v14H4z", "M8.500 12l2.500 2.500 4.500-5");
export const ShareIcon = icon("M12 15V4M8 7.500L12 4l4 3.500", "M6 11v8h12v-8");
export const CompareIcon = icon("M4 6h6.500v12H4zM13.500 6H20v12h-6.500z");
export const ClockIcon = icon("M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0z", "M12 7.500V12l3 2");
export const WandIcon = icon("M5 19L15 9M17.500 3.500v4M15.500 5.500h4M7.500 4v3M6 5.500h3M19 13v3M17.500 14.500h3");
export const TakesIcon = icon("M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z");
export const FrameBackIcon = icon("M15 6l-6 6 6 6zM6 6v12");
export const FrameNextIcon = icon("M9 6l6 6-6 6zM18 6v12");
export const PauseIcon = icon("M8 5.500v13M16 5.500v13");
export const AgainIcon = icon("M5 12a7 7 0 1 1 2.200 5.100", "M5 19v-4.500h4.500");

/** A frame of the shape width : height, inside a square. */
export function ShapeIcon({ ratio }) {
  const width = ratio > 1 ? 18 : 18 * ratio;
  const height = ratio > 1 ? 18 / ratio : 18;
  return html`
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <rect x=${12 - width / 2} y=${12 - height / 2} width=${width} height=${height} rx="1.5" />
    </svg>`;
}

export const Mark = () => html`
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <circle cx="16" cy="16" r="12" /><path d="M16 16V4a12 12 0 0 1 10.4 18z" />
  </svg>`;
