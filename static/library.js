// The library: a result plays while it is pointed at, and several jobs can be chosen at once.
"use strict";

// --- Results that play

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const AFTER = 150; // milliseconds: who only passes over starts nothing
let waiting, playing;

function stopPlaying() {
  clearTimeout(waiting);
  if (playing) playing.remove();
  playing = undefined;
}

function play(picture) {
  const video = document.createElement("video");
  Object.assign(video, { src: picture.dataset.play, muted: true, loop: true, playsInline: true, tabIndex: -1 });
  video.addEventListener("playing", () => video.classList.add("is-playing"));
  playing = video;
  picture.append(video);
  video.play().catch(() => video.remove());
}

function listenToPointing() {
  const watch = (event) => {
    stopPlaying();
    const link = event.target.closest && event.target.closest(".card-link");
    const picture = link && link.querySelector("[data-play]");
    if (picture && !STILL.matches) waiting = setTimeout(play, AFTER, picture);
  };
  document.addEventListener("focusin", watch);
  document.addEventListener("mouseover", (event) => {
    const link = event.target.closest(".card-link");
    if (!playing || !link || !link.contains(playing)) watch(event);
  });
}

// --- Several at once

const boxes = () => [...document.querySelectorAll(".card-pick input")];

function countChosen() {
  const count = boxes().filter((box) => box.checked).length;
  const words = document.getElementById("chosen-count");
  if (words) words.textContent = count;
}

let last; // the job whose box was set last
let withShift = false;

// With shift, all from the last one to this become as this one is.
function chooseUpTo(box) {
  const all = boxes();
  const [from, to] = [all.findIndex((each) => each.value === last), all.indexOf(box)].sort((a, b) => a - b);
  if (withShift && from >= 0) for (const each of all.slice(from, to + 1)) each.checked = box.checked;
  last = box.value;
}

function listenToShift() {
  const notice = (event) => (withShift = event.shiftKey);
  document.addEventListener("keydown", notice);
  document.addEventListener("mousedown", (event) => {
    notice(event);
    if (withShift && event.target.closest(".card-pick")) event.preventDefault(); // Else it marks words.
  });
}

function chooseAll(wanted) {
  for (const box of boxes()) box.checked = wanted;
  countChosen();
}

document.addEventListener("DOMContentLoaded", () => {
  listenToPointing();
  countChosen();
  listenToShift();
  document.addEventListener("change", (event) => {
    if (event.target.closest(".card-pick")) chooseUpTo(event.target);
    countChosen();
  });
  document.addEventListener("htmx:afterSwap", countChosen);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-choose-all]")) chooseAll(true);
    if (event.target.closest("[data-choose-none]")) chooseAll(false);
  });
});
