// The page of one job: the result and the original, played as one, side by side or under a slider.
"use strict";

const DRIFT = 0.06; // seconds that the original may be off before it is brought back
const SAME_SHAPE = 0.02; // by how much two widths over heights may differ and still lie on each other

const SLIP = 4; // pixels that a hand may move while it only presses

const NARROW = matchMedia("(max-width: 40rem)");

const result = () => document.querySelector("#result video");
const original = () => document.querySelector("#original video");

class Transport {
  constructor(bar) {
    this.bar = bar;
    this.position = bar.querySelector(".position");
    this.cut = bar.querySelector(".cut");
    this.time = bar.querySelector("[data-time]");
    bar.addEventListener("click", (event) => this.press(event.target.closest("button")));
    this.position.addEventListener("input", () => this.seek(Number(this.position.value)));
    this.cut.addEventListener("input", () => this.cutAt(this.cut.querySelector("input").value));
    addEventListener("keydown", (event) => this.key(event));
  }

  // Called at first, and whenever the result was swapped in.
  attach() {
    const video = result();
    this.other = original();
    const pair = document.getElementById("pair");
    const shapes = [video, this.other].filter(Boolean).map((each) => each.width / each.height);
    if (shapes.length) pair.style.setProperty("--widest", Math.max(...shapes));
    this.other?.style.setProperty("--ratio", this.other.width / this.other.height);
    this.bar.hidden = !video;
    if (!video || video === this.video) return;
    this.video = video;
    this.from = Number(this.other?.dataset.from || 0);
    for (const each of [video, this.other]) {
      if (each) each.controls = false;
    }
    if (this.other) this.other.muted = true; // They have the same sound.
    // Not the result's figure: htmx takes a style off what it has swapped in.
    pair.style.setProperty("--ratio", video.width / video.height);
    video.addEventListener("loadedmetadata", () => this.measure());
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.tell());
    for (const name of ["timeupdate", "seeked"]) video.addEventListener(name, () => this.follow());
    video.addEventListener("pointerdown", (event) => this.grip(event));
    video.addEventListener("pointermove", (event) => this.pull(event));
    video.addEventListener("click", () => this.pulled || this.toggle());
    this.other?.addEventListener("loadedmetadata", () => this.measure());
    this.measure();
    this.tell();
  }

  measure() {
    if (Number.isFinite(this.video.duration)) this.position.max = this.video.duration;
    const shape = (video) => video.width / video.height; // known before anything of it is here
    const fits = this.other && Math.abs(shape(this.video) - shape(this.other)) < SAME_SHAPE;
    this.bar.querySelector(".views").hidden = !fits;
    this.bar.querySelector(".unlike").hidden = fits || !this.other;
    if (!fits) this.view("side");
    else if (NARROW.matches && !this.chosen) this.view("slider"); // Side by side they would lie one below the other.
    this.follow();
  }

  press(button) {
    if (!button) return;
    const acts = { play: () => this.toggle(), back: () => this.step(-1), on: () => this.step(1) };
    acts[button.dataset.act]?.();
    if (button.dataset.view) {
      this.chosen = true;
      this.view(button.dataset.view);
    }
  }

  key(event) {
    const isTyping = event.target.closest("input:not([type=range]), textarea, select, button, a, [contenteditable]");
    if (this.bar.hidden || isTyping || event.altKey || event.ctrlKey || event.metaKey) return;
    const acts = { " ": () => this.toggle(), ",": () => this.step(-1), ".": () => this.step(1) };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  toggle() {
    if (!this.video.paused) return this.video.pause();
    this.video.play();
    this.other?.play().catch(() => {});
  }

  step(frames) {
    const length = 1 / Number(this.video.dataset.fps);
    this.video.pause();
    // To the middle of the frame, where no rounding leads to its neighbour.
    this.seek((Math.floor(this.video.currentTime / length + 1e-3) + frames + 0.5) * length);
  }

  seek(seconds) {
    const end = this.video.duration || seconds;
    this.video.currentTime = Math.min(Math.max(seconds, 0), end);
    this.follow();
  }

  follow() {
    const at = this.video.currentTime;
    this.position.value = at;
    const [minutes, rest] = [Math.floor(at / 60), decimal(at % 60, 2).padStart(5, "0")];
    this.time.textContent = `${minutes}:${rest}`;
    if (!this.other) return;
    const there = at + this.from;
    if (Math.abs(this.other.currentTime - there) > (this.video.paused ? 0.001 : DRIFT)) this.other.currentTime = there;
  }

  tell() {
    const paused = this.video.paused;
    if (paused) this.other?.pause();
    const words = this.bar.querySelector("[data-act=play] [data-words]");
    words.textContent = paused ? words.dataset.play : words.dataset.pause;
    this.follow();
  }

  view(name) {
    const pair = document.getElementById("pair");
    pair.classList.toggle("is-slider", name === "slider");
    this.cut.hidden = name !== "slider";
    for (const button of this.bar.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === name));
    }
    this.cutAt(this.cut.querySelector("input").value);
  }

  grip(event) {
    this.pulled = false;
    this.gripped = event.clientX;
    if (!this.cut.hidden) this.video.setPointerCapture(event.pointerId);
  }

  // The line between both is pulled on the picture too. A press that pulls nothing plays, or pauses.
  pull(event) {
    if (!event.buttons || this.cut.hidden) return;
    this.pulled ||= Math.abs(event.clientX - this.gripped) > SLIP;
    if (!this.pulled) return;
    const { left, width } = this.video.getBoundingClientRect();
    const input = this.cut.querySelector("input");
    input.value = (100 * (event.clientX - left)) / width;
    this.cutAt(input.value);
  }

  cutAt(percent) {
    document.getElementById("pair").style.setProperty("--cut", `${percent}%`);
  }
}

// Once both are parsed, and before either is painted: laid out without scripts they would jump.
function whenPaired(act) {
  const unseen = document.documentElement.classList;
  unseen.add("is-pairing");
  new MutationObserver((changes, observer) => {
    if (!document.getElementById("pair")?.nextElementSibling) return;
    observer.disconnect();
    unseen.remove("is-pairing");
    act();
  }).observe(document, { childList: true, subtree: true });
}

whenPaired(() => {
  const transport = new Transport(document.getElementById("transport"));
  transport.attach();
  document.addEventListener("htmx:oobAfterSwap", () => transport.attach());
  document.addEventListener("click", (event) => {
    const gap = event.target.closest("[data-seek]");
    if (!gap) return;
    event.preventDefault();
    transport.seek(Number(gap.dataset.seek));
    document.getElementById("pair").scrollIntoView({ block: "nearest" });
  });
});
