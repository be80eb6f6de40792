// The part of a new job's clip that is made: two handles on one track, and the two times they stand for.
"use strict";

const SHORTEST = 0.2; // seconds, as jobs.trim has it

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
    this.section.classList.toggle("unscripted", !seconds);
    this.screen = screen;
    if (seconds === this.seconds && screen.card === this.card) return;
    const isOther = this.card !== undefined && screen?.card !== this.card;
    this.seconds = seconds;
    this.card = screen?.card ?? null;
    for (const range of [this.from, this.to]) range.max = Math.ceil(10 * seconds) / 10;
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
      this.end.value = value >= this.seconds ? "" : value;
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
    this.to.value = end < this.seconds ? end : this.to.max; // A length lies between two steps.
    const values = { length: decimal(Math.max(end - start, 0)), whole: decimal(this.seconds || 0) };
    document.getElementById("part-length").textContent = word("length", values);
    [this.start.placeholder, this.end.placeholder] = ["0", values.whole];
    this.from.setAttribute("aria-valuetext", word("at", { time: decimal(start) }));
    this.to.setAttribute("aria-valuetext", word("at", { time: decimal(end) }));
    // Where both are near the end, the first one must lie on top, or neither could be pulled any more.
    this.from.style.zIndex = start > this.seconds / 2 ? 1 : "";
    this.track.style.setProperty("--from", `${(100 * start) / (this.seconds || 1)}%`);
    this.track.style.setProperty("--to", `${(100 * end) / (this.seconds || 1)}%`);
    this.changed();
  }
}
