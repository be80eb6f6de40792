// Who in the clip gets which photo: a group of pictures to choose from for each person, and the JSON of `jobs.faces`.
"use strict";

class Casting {
  constructor(form, changed) {
    this.field = form.elements.faces;
    this.section = document.getElementById("casting");
    this.wished = this.field.value ? JSON.parse(this.field.value) : []; // Of the job that this one shall be like.
    this.said = new Map(); // What somebody has chosen, by person: the id of a photo, or "" for nobody.
    this.changed = changed;
    this.section.addEventListener("change", ({ target }) => {
      this.said.set(target.dataset.target, target.value);
      this.write();
    });
  }

  // Called whenever a file or what was seen in it has changed.
  attach(clip, photos) {
    const people = [...(clip?.querySelectorAll(".person") ?? [])];
    const key = [clip, ...people, ...photos].map((card) => card?.dataset.file ?? card?.dataset.target).join();
    const files = [clip, ...photos].map((card) => card?.dataset.file).join();
    if (files !== (this.files ??= files)) this.wished = [];
    if (key === this.key) return this.refreshPictures(photos);
    Object.assign(this, { key, people, photos });
    this.section.hidden = people.length === 0 || photos.length === 0 || people.length + photos.length < 3;
    const casts = this.section.hidden ? [] : people.map((person, number) => this.cast(person, number));
    this.section.querySelector(".casts").replaceChildren(...casts);
    return this.write();
  }

  cast(person, number) {
    const element = document.getElementById("cast").content.cloneNode(true).firstElementChild;
    const target = person.dataset.target;
    element.querySelector("img").src = person.querySelector("img").src;
    for (const part of [".person-name", ".person-seen"]) {
      element.querySelector(part).textContent = person.querySelector(part).textContent;
    }
    const options = this.photos.map((photo, index) => this.option(photo, index));
    options.push(this.option(null));
    const value = this.proposed(target, number);
    for (const option of options) {
      const input = option.querySelector("input");
      Object.assign(input, { name: `cast-${number}`, checked: input.value === value });
      input.dataset.target = target;
    }
    element.querySelector(".cast-options").append(...options);
    return element;
  }

  option(photo, index) {
    const element = document.getElementById("cast-option").content.cloneNode(true).firstElementChild;
    const picture = element.querySelector("img");
    element.querySelector("input").value = photo?.dataset.file ?? "";
    element.querySelector(".cast-option-name").textContent = photo ? word("photo", { number: index + 1 }) : word("alone");
    if (photo) this.dress(picture, photo);
    else picture.remove();
    return element;
  }

  // The face that was found; before that, the photo.
  dress(picture, photo) {
    const face = photo.querySelector(".person:not(.person-left) img") ?? photo.querySelector(".file-picture");
    if (face && picture.src !== face.src) picture.src = face.src;
  }

  refreshPictures(photos) {
    for (const photo of photos) {
      for (const input of this.section.querySelectorAll(`input[value="${photo.dataset.file}"]`)) {
        this.dress(input.nextElementSibling, photo);
      }
    }
  }

  // As it was chosen; else as the other job had it; else the first person gets the first photo, and so on.
  proposed(target, number) {
    const ids = this.photos.map((photo) => photo.dataset.file);
    const said = this.said.get(target);
    if (said === "" || ids.includes(said)) return said;
    const wish = this.wished.find((face) => JSON.stringify(face.target) === JSON.stringify(JSON.parse(target)));
    if (this.wished.length) return ids[wish?.source] ?? "";
    return ids[number] ?? "";
  }

  write() {
    const ids = this.photos.map((photo) => photo.dataset.file);
    const faces = [...this.section.querySelectorAll("input:checked")].map((input) => ({
      target: JSON.parse(input.dataset.target),
      source: input.value ? ids.indexOf(input.value) : null,
    }));
    // Before anybody was seen in the clip of another job, its own faces stay.
    if (this.people.length || !this.wished.length) this.field.value = faces.length ? JSON.stringify(faces) : "";
    this.changed();
  }

  // The paths of those whom the frame follows: all who get a photo, or before that is said the most prominent one.
  get followed() {
    const chosen = [...this.section.querySelectorAll("input:checked")].filter((input) => input.value);
    const targets = chosen.map((input) => input.dataset.target);
    const people = this.people.filter((person) => targets.includes(person.dataset.target));
    return (people.length ? people : this.people.slice(0, 1)).map(pathOf);
  }
}

// Where a person was seen; of a look from before there were paths, the one place that it told.
function pathOf({ dataset }) {
  const { time, box } = JSON.parse(dataset.target);
  const path = JSON.parse(dataset.path);
  return path.length ? path : [[time, ...box]];
}
