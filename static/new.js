// The form of a new job: files that are dropped, shown and sent with their progress. Without it the form is a plain one.
"use strict";

// --- Sizes in words

function megabytes(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// --- Places for files: choose, drop or paste, see what it is, take it away again

const PREVIEWS = { video: "video", image: "img", audio: "audio" };

function kindOf(file) {
  const byName = { mkv: "video", mov: "video", avi: "video", ts: "video", flac: "audio", m4a: "audio", ogg: "audio" };
  const kind = file.type.split("/")[0];
  return kind in PREVIEWS ? kind : byName[file.name.split(".").pop().toLowerCase()];
}

class Drop {
  constructor(element, maxBytes, maxWords) {
    this.element = element;
    this.kind = element.dataset.drop;
    this.input = element.querySelector("input[type=file]");
    this.preview = element.querySelector(".drop-preview");
    this.slot = element.querySelector(".slot");
    this.maxBytes = maxBytes;
    this.maxWords = maxWords;
    this.input.addEventListener("change", () => this.show());
    element.querySelector("[data-choose]").addEventListener("click", () => this.input.click());
    element.querySelector("[data-clear]").addEventListener("click", () => this.clear());
    if (this.input.files.length) this.show(); // A browser may bring chosen files back when one returns to the page.
  }

  take(file) {
    const list = new DataTransfer();
    list.items.add(file);
    this.input.files = list.files;
    this.show();
  }

  clear() {
    this.input.value = "";
    this.show();
    this.input.focus();
  }

  show() {
    const file = this.input.files[0];
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = file && URL.createObjectURL(file);
    this.element.classList.toggle("has-file", Boolean(file));
    this.element.querySelector(".drop-chosen").hidden = !file;
    this.preview.replaceChildren();
    this.complain(file ? this.objection(file) : "");
    if (!file) return;
    this.element.querySelector(".drop-file-name").textContent = file.name;
    this.element.querySelector(".drop-file-size").textContent = megabytes(file.size);
    this.preview.append(this.picture());
  }

  picture() {
    const element = document.createElement(PREVIEWS[this.kind]);
    element.src = this.address;
    if (this.kind === "image") {
      element.alt = "";
    } else {
      element.controls = true;
      element.preload = "metadata";
      element.playsInline = true;
    }
    // No verdict: the browser may not know a kind that the service takes.
    element.addEventListener("error", () => this.preview.replaceChildren("No preview of this kind of file."));
    return element;
  }

  objection(file) {
    if (file.size === 0) return `“${file.name}” is empty.`;
    if (file.size > this.maxBytes) return `“${file.name}” has ${megabytes(file.size)}; the limit is ${this.maxWords}.`;
    return "";
  }

  complain(sentence) {
    this.slot.replaceChildren();
    if (sentence) {
      const line = document.createElement("p");
      line.className = "field-error";
      line.textContent = sentence;
      this.slot.append(line);
    }
    markInvalid(this.slot);
  }

  get isObjectionable() {
    const file = this.input.files[0];
    return Boolean(file && this.objection(file));
  }
}

function markInvalid(slot) {
  for (const input of document.querySelectorAll(`[aria-describedby~="${slot.id}"]`)) {
    input.toggleAttribute("aria-invalid", slot.textContent.trim() !== "");
    if (input.hasAttribute("aria-invalid")) input.setAttribute("aria-invalid", "true");
  }
}

function takeFiles(drops, files, preferred) {
  for (const file of files) {
    const fitting = drops.find((drop) => drop.kind === kindOf(file));
    const drop = preferred && (preferred.kind === kindOf(file) || !fitting) ? preferred : fitting;
    if (!drop) continue;
    if (drop.kind === "audio") document.querySelector("input[value=photo_sing]").checked = true;
    drop.take(file);
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

// --- Sending: how far it is, how to stop it, what went wrong

function listenToUpload(form, drops) {
  const [panel, bar, percent, words, stop, submit, complaint] = [
    "upload", "upload-bar", "upload-percent", "upload-words", "upload-stop", "submit", "error-form",
  ].map((id) => document.getElementById(id));
  let sending = false;

  function show(isSending) {
    sending = isSending;
    panel.hidden = stop.hidden = !isSending;
    submit.hidden = isSending;
  }

  function say(sentence) {
    const line = document.createElement("p");
    line.className = "field-error";
    line.textContent = sentence;
    complaint.replaceChildren(line);
  }

  form.addEventListener("htmx:beforeRequest", (event) => {
    const wrong = drops.find((drop) => drop.isObjectionable && drop.element.offsetParent);
    if (wrong) {
      event.preventDefault();
      wrong.input.focus();
      return;
    }
    complaint.replaceChildren();
    bar.value = 0;
    percent.textContent = "0 %";
    words.textContent = "Uploading…";
    show(true);
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    const { loaded, total, lengthComputable } = event.detail;
    // The answer's own progress comes under the same name; it is much smaller than the upload.
    if (!lengthComputable || total < 1 || bar.value === 100) return;
    bar.value = (100 * loaded) / total;
    percent.textContent = `${Math.floor((100 * loaded) / total)} %`;
    words.textContent = loaded < total ? `${megabytes(loaded)} of ${megabytes(total)}` : "Looking at the files…";
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    const xhr = event.detail.xhr;
    if (xhr.getResponseHeader("HX-Redirect")) {
      words.textContent = "Done.";
      sending = false; // Leaving for the job's page is no loss.
      return;
    }
    show(false);
    if (xhr.status === 422) requestAnimationFrame(() => focusFirstError(form));
    else if (xhr.status === 403) say("The page was open for too long: reload it, and send the form again.");
    else if (xhr.status === 413) say("The files are too large together.");
    else if (xhr.status) say(`The service answered with an error (${xhr.status}). Try again in a moment.`);
  });
  form.addEventListener("htmx:sendError", () => say("The connection broke off. The files are still chosen: send them again."));
  form.addEventListener("htmx:sendAbort", () => say("Stopped. Nothing was kept."));
  stop.addEventListener("click", () => {
    htmx.trigger(form, "htmx:abort");
    submit.focus();
  });
  addEventListener("pageshow", () => show(false));
  addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
}

function forgiveWhatChanges(form) {
  form.addEventListener("change", (event) => {
    const slot = document.getElementById(`error-${event.target.name}`);
    if (!slot || event.target.type === "file") return; // Of a file, its drop place speaks.
    slot.replaceChildren();
    markInvalid(slot);
  });
}

function focusFirstError(form) {
  for (const slot of form.querySelectorAll(".slot")) markInvalid(slot);
  const first = [...form.querySelectorAll("[aria-invalid=true]")].find((input) => input.offsetParent !== null);
  if (first) first.focus();
  const wrong = form.querySelector(".field-error");
  if (wrong) wrong.scrollIntoView({ block: "center" });
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("new");
  const drops = [...form.querySelectorAll("[data-drop]")].map(
    (element) => new Drop(element, Number(form.dataset.maxBytes), form.dataset.maxWords),
  );
  listenForFiles(drops);
  listenToUpload(form, drops);
  forgiveWhatChanges(form);
});
