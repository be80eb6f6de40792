// How long a job will take, as a range; the paces come from `jobs.estimates`.
"use strict";

const RATE = 25; // pictures a second, where there is no clip to say so
const FULL_HD = { seconds: 60, fps: RATE, width: 1920, height: 1080 };

// 47 → "45 s", 130 → "2 min": in the unit of the longer one.
function inWords(low, high) {
  const [unit, size] = high < 100 ? ["s", 1] : high < 6000 ? ["min", 60] : ["h", 3600];
  const step = unit === "s" && high >= 20 ? 5 : unit === "h" ? 0.5 : 1;
  const round = (seconds) => Math.max(step, Math.round(seconds / size / step) * step).toLocaleString(LOCALE);
  const values = { low: round(low), high: round(high), unit: word(unit) };
  return values.low === values.high ? word("about-one", values) : word("about", values);
}

class Estimates {
  constructor(form) {
    this.form = form;
    this.paces = JSON.parse(form.dataset.paces);
  }

  // `work`: seconds, fps, width and height of what will be made, and megapixels of the clip; null before there are files.
  show(work) {
    const { mode, quality, aspect_ratio: aspect, enable_4k: large } = this.form.elements;
    const of = work ?? FULL_HD;
    const shape = work ? aspect.value : "original";
    const size = megapixels(of.width, of.height, shape, large.checked);
    const all = of.seconds * of.fps * Math.max(size, of.clip ?? 0); // As `jobs.estimates` measures it.
    for (const place of this.form.querySelectorAll("[data-time]")) {
      place.textContent = this.range(this.paces[mode.value][place.dataset.time], all);
    }
    const pace = this.paces[mode.value][quality.value];
    document.getElementById("time-of").textContent = work ? "" : word("a-minute");
    document.getElementById("time-source").textContent = word(pace.is_guess ? "guess" : "measured");
    document.getElementById("send-time").textContent = work ? this.range(pace, all) : "";
  }

  range(pace, megapixelsInAll) {
    const start = Number(this.form.dataset.startSeconds);
    return inWords(start + megapixelsInAll / pace.quick, start + megapixelsInAll / pace.slow);
  }
}
