// The form of a new job: its parts put together, and sent. Without scripts the form is a plain one.
"use strict";

class NewJob {
  constructor(form) {
    this.form = form;
    const changed = () => this.follow();
    this.drops = [...form.querySelectorAll("[data-drop]")].map((element) => new Drop(element, form, changed));
    const of = (kind) => this.drops.find((drop) => drop.kind === kind);
    [this.photos, this.sound, this.video] = [of("image"), of("audio"), of("video")];
    [this.soundScreen, this.videoScreen] = [this.sound, this.video].map((drop) => {
      const screen = new Screen(drop, () => (this.part.screen === screen ? this.part.range : [0, Infinity]));
      return screen;
    });
    this.casting = new Casting(form, () => this.frame());
    this.part = new Part(form, () => {
      this.estimate();
      this.retell();
    });
    this.estimates = new Estimates(form);
    listenForFiles(this.drops);
    form.addEventListener("click", (event) => this.pick(event.target.closest("[data-kept-face]")));
    form.addEventListener("change", changed);
    form.querySelector(".drops").addEventListener("htmx:load", changed); // What was seen in a file has come.
    addEventListener("beforeunload", (event) => {
      if (this.drops.some((drop) => drop.isGoing)) event.preventDefault();
    });
    this.follow();
  }

  get sings() {
    return this.form.elements.mode.value === "photo_sing";
  }

  follow() {
    if (!this.part) return; // Still being put together.
    // One photo sings; the others wait for the other mode.
    this.photos.input.multiple = this.photos.takesMany;
    this.photos.cards.forEach((card, index) => {
      const isSpare = this.sings && index > 0;
      card.hidden = isSpare;
      card.querySelector("input").disabled = isSpare;
    });
    for (const card of this.sound.cards) card.querySelector("input").disabled = !this.sings;
    this.soundScreen.attach();
    this.videoScreen.attach();
    this.casting.attach(this.sings ? null : this.video.cards[0], this.photos.cards);
    this.part.attach(this.sings && this.sound.cards.length ? this.soundScreen : this.videoScreen);
    this.frame();
    this.estimate();
    this.retell();
    if (!this.drops.some((drop) => drop.isGoing)) this.sendWhatWaits();
  }

  // A face of the library, instead of a file that is sent.
  async pick(button) {
    if (!button) return;
    const answer = await fetch(this.form.dataset.card.replace("ID", button.dataset.keptFace)).catch(() => null);
    if (answer?.ok) this.photos.adopt(await answer.text());
    else complain(this.photos.slot, answer ? word("failed", { status: answer.status }) : word("unreached"));
  }

  frame() {
    const aspect = this.sings ? "original" : this.form.elements.aspect_ratio.value;
    this.videoScreen.follow(aspect, this.casting?.followed ?? []);
  }

  estimate() {
    if (!this.estimates) return;
    const clip = this.part.card;
    const picture = this.sings ? this.photos.cards[0] : this.video.cards[0];
    const [start, end] = this.part.range;
    const size = (card) => [Number(card?.dataset.width) || 0, Number(card?.dataset.height) || 0];
    const [[width, height], [clipWidth, clipHeight]] = [size(picture), size(this.video.cards[0])];
    const fps = Number(clip?.dataset.fps) || RATE;
    const work = { seconds: end - start, fps, width, height, clip: (clipWidth * clipHeight) / 1e6 };
    this.estimates.show(clip && width && work.seconds > 0 ? work : null);
  }

  // As code, for whoever looks at that.
  retell() {
    const code = document.getElementById("as-code");
    if (code.open) htmx.trigger(code, "follow");
  }

  // Pressed while files were on their way: sent as soon as they are here.
  sendWhatWaits() {
    const pressed = this.pressed;
    this.pressed = null;
    if (pressed) this.form.requestSubmit(pressed);
  }

  // Whether it may be sent now; if not, the page says why.
  mayBeSent() {
    const complaint = document.getElementById("error-form");
    complaint.replaceChildren();
    if (this.drops.some((drop) => drop.isGoing)) {
      const line = document.createElement("p");
      line.className = "hint";
      line.textContent = word("waiting");
      complaint.append(line);
      return false;
    }
    if (!this.photos.isRefused) return true;
    this.photos.input.focus();
    this.photos.element.scrollIntoView({ block: "center" });
    return false;
  }
}

function listenToSending(form, job) {
  const complaint = document.getElementById("error-form");
  form.addEventListener("submit", (event) => {
    job.submitter = event.submitter;
  });
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== form || job.mayBeSent()) return;
    event.preventDefault();
    if (job.drops.some((drop) => drop.isGoing)) job.pressed = job.submitter ?? document.getElementById("submit");
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    const { xhr } = event.detail;
    if (event.target !== form || xhr.getResponseHeader("HX-Redirect")) return;
    if (xhr.status === 422) requestAnimationFrame(() => focusFirstError(form));
    else if (xhr.status === 403) complain(complaint, word("stale"));
    else if (xhr.status) complain(complaint, word("failed", { status: xhr.status }));
  });
  form.addEventListener("htmx:sendError", (event) => {
    if (event.target === form) complain(complaint, word("unsent"));
  });
}

function forgiveWhatChanges(form) {
  form.addEventListener("change", (event) => {
    const slot = document.getElementById(`error-${event.target.name}`);
    if (slot && event.target.type !== "file") complain(slot, ""); // Of a file, its drop place speaks.
  });
}

function focusFirstError(form) {
  for (const slot of form.querySelectorAll(".slot")) markInvalid(slot);
  const first = [...form.querySelectorAll("[aria-invalid=true]")].find((input) => input.offsetParent !== null);
  if (first) first.focus();
  const wrong = form.querySelector(".slot .field-error");
  if (wrong) wrong.scrollIntoView({ block: "center" });
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("new");
  const job = new NewJob(form);
  listenToSending(form, job);
  forgiveWhatChanges(form);
});
