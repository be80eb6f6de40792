// The clip of a new job: its picture with the frame that will be cut out of it, and the controls below.
"use strict";

class Clip {
  constructor(card, media, part) {
    Object.assign(this, { card, media, part, aspect: "original", people: [] });
    const mould = document.getElementById("screen").content.cloneNode(true);
    const [picture, bar] = [mould.querySelector(".picture"), mould.querySelector(".player")];
    this.element = mould.firstElementChild;
    this.crop = mould.querySelector(".crop");
    this.position = bar.querySelector("input");
    this.time = bar.querySelector("[data-at]");
    [this.playing, this.sound] = ["play", "sound"].map((act) => bar.querySelector(`[data-act=${act}]`));
    picture.style.setProperty("--ratio", card.dataset.width / card.dataset.height);
    picture.prepend(media);
    if (card.dataset.poster) media.poster = card.dataset.poster;
    media.addEventListener("loadedmetadata", () => (this.position.max = media.duration));
    for (const name of ["timeupdate", "seeked"]) media.addEventListener(name, () => this.show());
    for (const name of ["play", "pause"]) media.addEventListener(name, () => this.tell());
    for (const each of [media, this.playing]) each.addEventListener("click", () => this.toggle());
    this.sound.addEventListener("click", () => this.hush());
    this.position.addEventListener("input", () => (media.currentTime = Number(this.position.value)));
    media.addEventListener("error", () => bar.remove(), { once: true });
  }

  // Plays the part that is wanted, from its beginning if the clip stands elsewhere.
  toggle() {
    if (!this.media.paused) return this.media.pause();
    const [start, end] = this.part();
    const at = this.media.currentTime;
    if (at < start || at > end - SHORTEST) this.media.currentTime = start;
    return this.media.play().catch(() => {});
  }

  tell() {
    const words = this.playing.querySelector("[data-words]");
    words.textContent = this.media.paused ? words.dataset.play : words.dataset.pause;
    this.run();
  }

  // With each picture while it plays: what tells the time by itself does so four times a second.
  run() {
    this.show();
    if (this.media.paused) return;
    if (this.media.currentTime >= this.part()[1]) this.media.pause();
    else requestAnimationFrame(() => this.run());
  }

  hush() {
    this.media.muted = !this.media.muted;
    this.sound.setAttribute("aria-pressed", String(!this.media.muted));
  }

  show() {
    const at = this.media.currentTime;
    this.position.value = at;
    this.time.textContent = `${Math.floor(at / 60)}:${decimal(at % 60).padStart(4, "0")}`;
    this.position.setAttribute("aria-valuetext", this.time.textContent);
    this.frame();
  }

  frame() {
    const { width, height } = this.card.dataset;
    const parts = cropAt(this.people, this.media.currentTime, cropSize(width, height, this.aspect));
    this.element.classList.toggle("is-cropped", this.aspect in ASPECTS);
    ["left", "top", "width", "height"].forEach((side, index) => {
      this.crop.style.setProperty(side, `${(100 * parts[index]).toFixed(3)}%`);
    });
  }
}

// Where the clip or the sound of a drop place is shown; `part` returns from when to when it is wanted.
class Screen {
  constructor(drop, part) {
    Object.assign(this, { drop, part });
    this.place = drop.element.querySelector(".drop-preview");
  }

  // Shows the file of the card; nothing is built anew while it is the same.
  attach() {
    const card = this.drop.cards[0];
    if (card === this.card) return;
    this.card = card;
    this.place.replaceChildren();
    this.media = this.clip = null;
    if (!card) return;
    this.media = document.createElement(this.drop.kind);
    Object.assign(this.media, { preload: "metadata", playsInline: true, src: card.dataset.local ?? card.dataset.url });
    // No verdict: the browser may not know a kind that the service takes.
    this.media.addEventListener("error", () => this.sayThereIsNone(), { once: true });
    if (this.drop.kind === "video") this.clip = new Clip(card, this.media, this.part);
    else this.media.controls = true;
    this.place.append(this.clip?.element ?? this.media);
  }

  sayThereIsNone() {
    this.media.removeAttribute("controls");
    const line = document.createElement("p");
    line.className = "hint";
    line.textContent = word("no-preview");
    this.place.append(line);
  }

  // `people` are the paths of those whom the frame follows.
  follow(aspect, people) {
    if (!this.clip) return;
    Object.assign(this.clip, { aspect, people });
    this.clip.frame();
  }

  seek(seconds) {
    if (!this.media) return;
    this.media.pause();
    this.media.currentTime = seconds;
  }
}
