// The places for files of a new job: each file is sent as soon as it is chosen, and what stays of it is a card with its id.
"use strict";

const PHOTOS_MOST = 8;

function word(name, values = {}) {
  const text = document.getElementById("words").content.querySelector(`[data-word="${name}"]`).textContent;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

function megabytes(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${decimal(bytes / 1e6)} MB`;
}

function kindOf(file) {
  const byName = { mkv: "video", mov: "video", avi: "video", ts: "video", flac: "audio", m4a: "audio", ogg: "audio" };
  const kind = file.type.split("/")[0];
  return ["video", "image", "audio"].includes(kind) ? kind : byName[file.name.split(".").pop().toLowerCase()];
}

function elementOf(html) {
  return new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
}

function markInvalid(slot) {
  const isWrong = slot.textContent.trim() !== "";
  for (const input of document.querySelectorAll(`[aria-describedby~="${slot.id}"]`)) {
    if (isWrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

function complain(slot, sentence) {
  const line = document.createElement("p");
  line.className = "field-error";
  line.textContent = sentence;
  slot.replaceChildren(...(sentence ? [line] : []));
  markInvalid(slot);
}

class Drop {
  constructor(element, form, changed) {
    Object.assign(this, { element, form, changed, waiting: [] });
    this.kind = element.dataset.drop;
    this.field = element.dataset.field;
    [this.input, this.files, this.going, this.slot] = [
      ".drop-input", ".drop-files", ".drop-going", ".slot",
    ].map((selector) => element.querySelector(selector));
    for (const input of element.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => {
        const chosen = [...input.files];
        input.value = ""; // It is sent on its own, not with the form once more.
        this.take(chosen);
      });
    }
    element.querySelector(".drop-other").addEventListener("click", () => this.input.click());
    element.querySelector(".drop-stop").addEventListener("click", () => this.stop());
    this.files.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (button) this.remove(button.closest(".file"));
    });
    this.input.multiple = this.takesMany;
    this.tell();
  }

  get takesMany() {
    return this.kind === "image" && this.form.mode.value === "video_swap";
  }

  get cards() {
    return [...this.files.children];
  }

  get isGoing() {
    return Boolean(this.request);
  }

  // What is wrong with a file that is here, as the look at it has shown.
  get isRefused() {
    return this.kind === "image" && this.files.querySelector("[data-code=no_face_in_source]") !== null;
  }

  take(files) {
    const chosen = this.takesMany ? files : files.slice(0, 1);
    const room = this.takesMany ? PHOTOS_MOST - this.cards.length - this.waiting.length : 1;
    complain(this.slot, chosen.length > room ? word("too-many", { count: PHOTOS_MOST }) : "");
    if (!this.takesMany && this.isGoing) this.request.abort();
    this.waiting.push(...chosen.slice(0, Math.max(room, 0)));
    if (!this.isGoing) this.next();
  }

  next() {
    const file = this.waiting.shift();
    if (file) {
      const objection = this.objection(file);
      if (!objection) return this.send(file);
      complain(this.slot, objection);
      return this.next();
    }
    this.tell();
    return this.changed();
  }

  objection(file) {
    if (file.size === 0) return word("empty", { name: file.name });
    const values = { name: file.name, size: megabytes(file.size), limit: this.form.dataset.maxWords };
    return file.size > Number(this.form.dataset.maxBytes) ? word("too-large", values) : "";
  }

  send(file) {
    const [body, request] = [new FormData(), new XMLHttpRequest()];
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    body.append(this.field, file);
    this.request = request;
    this.going.querySelector(".drop-going-name").textContent = file.name;
    this.show(0, file.size);
    request.upload.addEventListener("progress", (event) => this.show(event.loaded, event.total));
    request.addEventListener("load", () => this.end(() => this.answered(request, file)));
    request.addEventListener("error", () => this.end(() => complain(this.slot, word("broken-off", { name: file.name }))));
    request.addEventListener("abort", () => this.end(() => complain(this.slot, word("stopped", { name: file.name }))));
    request.open("POST", this.form.dataset.upload);
    request.setRequestHeader("Accept", "text/html");
    request.send(body);
    this.tell();
    this.changed();
  }

  end(act) {
    this.request = null;
    act();
    this.next();
  }

  stop() {
    this.waiting = [];
    this.request?.abort();
    this.input.focus();
  }

  show(loaded, total) {
    this.going.querySelector("progress").value = (100 * loaded) / total;
    this.going.querySelector(".percent").textContent = `${Math.floor((100 * loaded) / total)} %`;
    const sizes = { sent: megabytes(loaded), size: megabytes(total) };
    this.going.querySelector(".drop-going-words").textContent = loaded < total ? word("sending", sizes) : word("proving");
  }

  answered(request, file) {
    const answer = elementOf(request.responseText);
    if (request.status === 201) return this.keep(answer, file);
    if (answer?.matches(".field-error")) return complain(this.slot, answer.textContent);
    return complain(this.slot, request.status === 403 ? word("stale") : word("failed", { status: request.status }));
  }

  keep(card, file) {
    if (!this.takesMany) for (const old of this.cards) this.remove(old);
    complain(this.slot, "");
    if (file) card.dataset.local = URL.createObjectURL(file);
    this.files.append(card);
    htmx.process(card);
  }

  // A file that was here before; chosen twice it counts once.
  adopt(html) {
    const card = elementOf(html);
    if (this.cards.some((other) => other.dataset.file === card.dataset.file)) return;
    if (this.takesMany && this.cards.length >= PHOTOS_MOST) return complain(this.slot, word("too-many", { count: PHOTOS_MOST }));
    this.keep(card);
    this.tell();
    this.changed();
  }

  remove(card) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    // If this is not heard, the service erases the file by itself once nothing has come of it for long enough.
    fetch(card.querySelector("[data-remove]").dataset.remove, { method: "POST", body }).catch(() => {});
    if (card.dataset.local) URL.revokeObjectURL(card.dataset.local);
    const hadFocus = card.contains(document.activeElement);
    card.remove();
    if (hadFocus) this.input.focus();
    complain(this.slot, "");
    this.tell();
    this.changed();
  }

  tell() {
    this.going.hidden = !this.isGoing;
    this.element.classList.toggle("has-file", this.cards.length > 0);
    this.element.classList.toggle("is-going", this.isGoing);
  }
}

function takeFiles(drops, files, preferred) {
  const taken = new Map();
  for (const file of files) {
    const fitting = drops.find((drop) => drop.kind === kindOf(file));
    const drop = preferred && (preferred.kind === kindOf(file) || !fitting) ? preferred : fitting;
    if (drop) taken.set(drop, [...(taken.get(drop) ?? []), file]);
  }
  for (const [drop, its] of taken) {
    if (drop.kind === "audio") document.querySelector("input[value=photo_sing]").checked = true;
    drop.take(its);
  }
}

function listenForFiles(drops) {
  const hasFiles = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
  const under = (event) => drops.find((drop) => drop.element.contains(event.target));
  const light = (target) => {
    for (const drop of drops) drop.element.classList.toggle("is-over", drop === target);
  };
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    light(under(event));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) light(null);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    light(null);
    takeFiles(drops, event.dataTransfer.files, under(event));
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) takeFiles(drops, event.clipboardData.files);
  });
}
