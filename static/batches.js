// The form for several jobs at once: each file is sent by itself as soon as it is chosen. Without it the form is a plain one.
"use strict";

const AT_ONCE = 2;
const KINDS = { mkv: "video", mov: "video", m4v: "video" }; // what a browser may not know by its type

function kindOf(file) {
  const kind = file.type.split("/")[0];
  return kind === "video" || kind === "image" ? kind : KINDS[file.name.split(".").pop().toLowerCase()];
}

// --- One file: sent, shown, said what is wrong with it, taken out again

class Sent {
  constructor(zone, name) {
    this.zone = zone;
    this.element = document.getElementById("sent-mould").content.firstElementChild.cloneNode(true);
    this.bar = this.element.querySelector("progress");
    this.element.querySelector(".sent-name").textContent = name;
    this.element.querySelector("[data-take-out] .unseen").textContent = ` ${name}`;
    zone.list.append(this.element);
    this.element.sent = this;
  }

  send(file) {
    this.file = file;
    this.state = "waiting";
    this.say("");
    this.bar.hidden = false;
  }

  begin(words) {
    this.state = "sending";
    const body = new FormData();
    body.append(this.zone.field, this.file);
    const request = (this.request = new XMLHttpRequest());
    request.open("POST", this.zone.form.dataset.upload);
    request.setRequestHeader("X-CSRFToken", this.zone.form.querySelector("[name=csrfmiddlewaretoken]").value);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => (this.bar.value = (100 * event.loaded) / event.total));
    request.addEventListener("error", () => this.fail(words.wordsBroken, true));
    request.addEventListener("load", () => {
      if (request.status === 201) this.show(request.response);
      else this.fail(request.response?.detail || words.wordsError, request.status >= 500 || !request.response);
    });
    request.addEventListener("loadend", () => this.zone.changed());
    request.send(body);
  }

  show({ id, thumbnail_url: thumbnail, look_url: look, remove_url: remove }) {
    this.state = "here";
    this.bar.hidden = true;
    const input = this.element.querySelector("input");
    Object.assign(input, { name: `${this.zone.field}_id`, value: id });
    Object.assign(this.element.dataset, { id, ...(remove && { remove }) });
    if (thumbnail) {
      const picture = Object.assign(document.createElement("img"), { src: thumbnail, alt: "" });
      this.element.querySelector(".sent-picture").replaceChildren(picture);
    }
    if (look) htmx.ajax("GET", look, { target: this.element.querySelector(".sent-look"), swap: "innerHTML" });
  }

  fail(sentence, isWorthARepeat = false) {
    this.state = "failed";
    this.bar.hidden = true;
    this.say(sentence);
    this.element.querySelector("[data-again]").hidden = !isWorthARepeat;
  }

  say(sentence) {
    this.element.querySelector(".sent-said").replaceChildren(...(sentence ? [complaint(sentence)] : []));
    this.element.querySelector("[data-again]").hidden = true;
  }
}

function complaint(sentence) {
  return Object.assign(document.createElement("p"), { className: "field-error", textContent: sentence });
}

// --- One place for files of a kind

class Zone {
  constructor(form, element, changed) {
    Object.assign(this, { form, element, changed });
    this.field = element.dataset.zone;
    this.kind = element.dataset.kind;
    this.list = element.querySelector("[data-list]");
    this.slot = element.querySelector(".slot");
    this.input = element.querySelector("input[type=file]");
    this.input.addEventListener("change", () => {
      const files = [...this.input.files];
      this.input.value = ""; // What was chosen is sent by itself, not with the form.
      takeFiles(this.form, [this], files);
      this.changed();
    });
    this.list.addEventListener("click", (event) => this.press(event.target.closest("button")));
    element.addEventListener("click", (event) => this.pick(event.target.closest("[data-kept-face]")));
  }

  // Of how many files videos are made: not of those in which a look has found no face.
  get count() {
    return this.list.querySelectorAll("[data-id]:not(:has([data-code^=no_face_]))").length;
  }

  press(button) {
    const element = button?.closest(".sent");
    if (!element) return;
    if ("again" in button.dataset) element.sent.send(element.sent.file);
    else this.takeOut(element);
    this.changed();
  }

  takeOut(element) {
    element.sent?.request?.abort();
    const { remove } = element.dataset;
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]").value;
    element.remove();
    this.input.focus();
    // If this is lost, the service clears away the file by itself some hours later.
    if (remove) fetch(remove, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => {});
  }

  pick(button) {
    if (!button || this.list.querySelector(`[data-id="${button.dataset.keptFace}"]`)) return;
    if (isFull(this.form)) return this.complain(this.form.dataset.wordsFull);
    const { keptFace, name, thumbnail } = button.dataset;
    new Sent(this, name).show({ id: keptFace, thumbnail_url: thumbnail });
    this.changed();
  }

  complain(sentence) {
    this.slot.replaceChildren(complaint(sentence));
  }

  clear() {
    this.slot.replaceChildren();
    this.input.removeAttribute("aria-invalid");
  }
}

function isFull(form) {
  return form.querySelectorAll(".sent").length >= Number(form.dataset.filesMost);
}

// Into the zone of their kind; what is of neither goes into the first, where the service says what it is.
function takeFiles(form, zones, files) {
  for (const zone of zones) zone.clear();
  for (const file of files) {
    const zone = zones.find((each) => each.kind === kindOf(file)) || zones[0];
    if (isFull(form)) return zone.complain(form.dataset.wordsFull);
    const sent = new Sent(zone, file.name);
    if (file.size > Number(form.dataset.maxBytes)) sent.fail(form.dataset.wordsLarge);
    else sent.send(file);
  }
}

// --- The whole form

function listenForDrops(form, zones, changed) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const light = (target) => {
    for (const zone of zones) zone.element.classList.toggle("is-over", Boolean(target) && zone.element.contains(target));
  };
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    light(event.target);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) light(null);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    light(null);
    const under = zones.findIndex((zone) => zone.element.contains(event.target));
    takeFiles(form, under === 1 ? [...zones].reverse() : zones, [...event.dataTransfer.files]);
    changed();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("several");
  const words = form.dataset;
  const submit = document.getElementById("submit");
  const slot = document.getElementById("error-form");
  const all = () => [...form.querySelectorAll(".sent")].map((element) => element.sent).filter(Boolean);
  const zones = [];

  function changed() {
    slot.replaceChildren();
    const free = AT_ONCE - all().filter((sent) => sent.state === "sending").length;
    const waiting = all().filter((sent) => sent.state === "waiting");
    for (const sent of waiting.slice(0, Math.max(0, free))) sent.begin(words);
    label();
  }

  function label() {
    for (const zone of zones) zone.element.querySelector("[data-count]").textContent = zone.count || "";
    const left = all().filter((sent) => ["waiting", "sending"].includes(sent.state)).length;
    const jobs = zones[0].count * zones[1].count;
    const isTooMany = jobs > Number(words.jobsMost);
    submit.disabled = left > 0 || isTooMany;
    submit.textContent = left
      ? words.wordsSending.replace("{n}", left)
      : { 0: words.wordsNone, 1: words.wordsOne }[jobs] || words.wordsMany.replace("{n}", jobs);
    if (isTooMany) slot.replaceChildren(complaint(words.wordsTooMany.replace("{n}", jobs)));
  }

  zones.push(...[...form.querySelectorAll("[data-zone]")].map((element) => new Zone(form, element, changed)));
  listenForDrops(form, zones, changed);
  form.addEventListener("submit", () => (submit.disabled = true));
  addEventListener("pageshow", label);
  form.addEventListener("htmx:load", label); // What was seen in a file has come.
  addEventListener("beforeunload", (event) => {
    if (all().some((sent) => sent.state === "waiting" || sent.state === "sending")) event.preventDefault();
  });
});
