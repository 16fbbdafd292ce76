// Several files in one, uncompressed: videos are compressed already. ZIP as in PKWARE's APPNOTE 6.3.10, without ZIP64.

const MOST_BYTES = 2 ** 32 - 1;
const UTF8 = 1 << 11;

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = ~0;
  for (let index = 0; index < bytes.length; index += 1) value = table[(value ^ bytes[index]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

/** Little-endian fields, each [value, bytes]. */
function record(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += size;
  }
  return bytes;
}

/** MS-DOS time and date, local. */
function dosTime(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return [time, ((Math.max(1980, date.getFullYear()) - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate()];
}

/** Collects files; each blob stays with the browser, which may keep it on the disk. */
export class Zip {
  #parts = [];
  #directory = [];
  #size = 0;
  #names = new Set();

  /** `name` gets a number where there is one of that name. Throws in plain words when it gets too large. */
  async add(name, blob, date) {
    if (this.#size + blob.size > MOST_BYTES) throw new Error("Together they are larger than 4 GB. Choose fewer videos.");
    const path = new TextEncoder().encode(this.#free(name));
    const [time, day] = dosTime(date);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const facts = [[20, 2], [UTF8, 2], [0, 2], [time, 2], [day, 2], [crc, 4], [blob.size, 4], [blob.size, 4], [path.length, 2], [0, 2]];
    this.#directory.push(record([0x02014b50, 4], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [this.#size, 4]), path);
    this.#parts.push(record([0x04034b50, 4], ...facts), path, blob);
    this.#size += 30 + path.length + blob.size;
  }

  #free(name) {
    const [, stem, ending] = name.match(/^(.*)(\.\w+)$/);
    let free = name;
    for (let number = 2; this.#names.has(free); number += 1) free = `${stem}-${number}${ending}`;
    this.#names.add(free);
    return free;
  }

  blob() {
    const size = this.#directory.reduce((sum, part) => sum + part.length, 0);
    const count = this.#names.size;
    const end = record([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [this.#size, 4], [0, 2]);
    return new Blob([...this.#parts, ...this.#directory, end], { type: "application/zip" });
  }
}
