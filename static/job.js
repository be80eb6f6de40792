// The page of one job: the result and the original, side by side and in step.
"use strict";

function playBoth() {
  const [result, original] = ["result", "original"].map((id) => document.querySelector(`#${id} video`));
  for (const video of [result, original]) {
    video.currentTime = 0;
    video.play();
  }
  original.muted = true; // They have the same sound.
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-play-both]")) playBoth();
});
