// The clip of a new job: its picture, the frame that will be cut out of it, and the part that is made.
"use strict";

const SHORTEST = 0.2; // seconds, as jobs.trim has it
const ASPECTS = { "9:16": 9 / 16, "1:1": 1, "4:5": 4 / 5 }; // as worker.media.framing has them

// The largest frame of that aspect in the picture, round a face's box: [left, top, width, height] in shares.
function cropFrame(width, height, aspect, box) {
  if (!(aspect in ASPECTS)) return [0, 0, 1, 1];
  const own = width / height;
  const [w, h] = own > ASPECTS[aspect] ? [ASPECTS[aspect] / own, 1] : [1, own / ASPECTS[aspect]];
  const [x, y] = box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : [0.5, 0.5];
  const within = (middle, size) => Math.min(Math.max(middle - size / 2, 0), 1 - size);
  return [within(x, w), within(y, h), w, h];
}

// Millions of pixels to a frame of the result; `worker.media.framing.output_size` is the exact way.
function megapixels(width, height, aspect, enable4k) {
  const [, , w, h] = cropFrame(width, height, aspect, null);
  const [short, long] = [width * w, height * h].sort((a, b) => a - b);
  const scale = enable4k || short > 2160 ? 2160 / short : 1;
  return (short * long * scale * scale) / 1e6;
}

class Screen {
  constructor(drop) {
    this.drop = drop;
    this.place = drop.element.querySelector(".drop-preview");
  }

  // Shows the file of the card; nothing is built anew while it is the same.
  attach() {
    const card = this.drop.kind === "image" ? null : this.drop.cards[0];
    if (card === this.card) return;
    this.card = card;
    this.place.replaceChildren();
    this.media = this.crop = null;
    if (!card) return;
    this.media = document.createElement(this.drop.kind);
    Object.assign(this.media, { controls: true, preload: "metadata", playsInline: true, src: card.dataset.local ?? card.dataset.url });
    if (this.drop.kind === "video") {
      if (card.dataset.poster) this.media.poster = card.dataset.poster;
      this.media.width = card.dataset.width;
      this.media.height = card.dataset.height;
    }
    // No verdict: the browser may not know a kind that the service takes.
    this.media.addEventListener("error", () => this.dumb(), { once: true });
    const frame = document.createElement("div");
    frame.className = "screen";
    this.crop = document.createElement("span");
    this.crop.className = "crop";
    frame.append(this.media, this.crop);
    this.place.append(frame);
  }

  dumb() {
    this.media.removeAttribute("controls");
    const line = document.createElement("p");
    line.className = "hint";
    line.textContent = word("no-preview");
    this.place.append(line);
  }

  frame(aspect, box) {
    if (!this.crop || !this.card.dataset.width) return;
    const parts = cropFrame(Number(this.card.dataset.width), Number(this.card.dataset.height), aspect, box);
    this.crop.hidden = aspect === "original";
    ["left", "top", "width", "height"].forEach((side, index) => {
      this.crop.style.setProperty(side, `${(100 * parts[index]).toFixed(3)}%`);
    });
  }

  seek(seconds) {
    if (!this.media) return;
    this.media.pause();
    this.media.currentTime = seconds;
  }
}

class Part {
  constructor(form, changed) {
    this.section = document.getElementById("part");
    this.track = this.section.querySelector(".track");
    [this.from, this.to] = ["trim-from", "trim-to"].map((id) => document.getElementById(id));
    [this.start, this.end] = [form.elements.trim_start, form.elements.trim_end];
    this.changed = changed;
    for (const range of [this.from, this.to]) range.addEventListener("input", () => this.pull(range));
    for (const typed of [this.start, this.end]) typed.addEventListener("input", () => this.show());
    document.getElementById("part-whole").addEventListener("click", () => this.whole());
  }

  // The clip that gives the result its length, or nothing.
  attach(screen) {
    const seconds = Number(screen?.card?.dataset.seconds) || 0;
    this.section.hidden = !seconds;
    this.screen = screen;
    if (seconds === this.seconds && screen.card === this.card) return;
    const isOther = this.card !== undefined && screen?.card !== this.card;
    this.seconds = seconds;
    this.card = screen?.card ?? null;
    for (const range of [this.from, this.to]) range.max = seconds;
    if (isOther) this.start.value = this.end.value = "";
    this.show();
  }

  get range() {
    const end = this.end.value === "" ? this.seconds : Number(this.end.value);
    return [Math.min(Number(this.start.value), this.seconds), Math.min(end, this.seconds)];
  }

  pull(range) {
    const isFrom = range === this.from;
    const [start, end] = this.range;
    const rounded = (value) => Math.round(10 * value) / 10;
    if (isFrom) {
      const value = rounded(Math.max(0, Math.min(Number(range.value), end - SHORTEST)));
      this.start.value = value || "";
    } else {
      const value = rounded(Math.max(Number(range.value), start + SHORTEST));
      this.end.value = Number(range.value) >= this.seconds - 0.05 || value >= this.seconds ? "" : value;
    }
    this.show();
    this.screen.seek(this.range[isFrom ? 0 : 1]);
  }

  whole() {
    this.start.value = this.end.value = "";
    this.show();
    this.screen.seek(0);
  }

  show() {
    const [start, end] = this.range;
    this.from.value = start;
    this.to.value = end;
    const values = { length: decimal(Math.max(end - start, 0)), whole: decimal(this.seconds || 0) };
    document.getElementById("part-length").textContent = word("length", values);
    [this.start.placeholder, this.end.placeholder] = ["0", values.whole];
    for (const range of [this.from, this.to]) {
      range.setAttribute("aria-valuetext", word("at", { time: decimal(Number(range.value)) }));
    }
    this.track.style.setProperty("--from", `${(100 * start) / (this.seconds || 1)}%`);
    this.track.style.setProperty("--to", `${(100 * end) / (this.seconds || 1)}%`);
    this.changed();
  }
}
