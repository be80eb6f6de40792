// The frame that will be cut out of a clip: as large as its shape allows, and where the people are at a time.
"use strict";

const ASPECTS = { "9:16": 9 / 16, "1:1": 1, "4:5": 4 / 5 }; // as worker.media.framing has them
// As worker.media.camera has them, in shares of the frame.
const FACE_HEIGHT = 0.45;
const TOGETHER = 0.82;

// The largest frame of that aspect in the picture: [width, height] in shares of its sides.
function cropSize(width, height, aspect) {
  if (!(aspect in ASPECTS)) return [1, 1];
  const own = width / height;
  return own > ASPECTS[aspect] ? [ASPECTS[aspect] / own, 1] : [1, own / ASPECTS[aspect]];
}

// Millions of pixels to a frame of the result; `worker.media.framing.output_size` is the exact way.
function megapixels(width, height, aspect, enable4k) {
  const [w, h] = cropSize(width, height, aspect);
  const [short, long] = [width * w, height * h].sort((a, b) => a - b);
  const scale = enable4k || short > 2160 ? 2160 / short : 1;
  return (short * long * scale * scale) / 1e6;
}

// Where somebody is at that time: between two looks on the straight way, before and after them at rest.
// A path is a list of [time, left, top, right, bottom].
function boxAt(path, time) {
  const next = path.findIndex(([at]) => at >= time);
  if (next <= 0) return path.at(next).slice(1);
  const [before, after] = [path[next - 1], path[next]];
  const share = (time - before[0]) / (after[0] - before[0]);
  return before.slice(1).map((from, side) => from + share * (after[side + 1] - from));
}

// The box to be framed: of all who are there, or were last, if the frame has room for them; else of the first to come.
function subjectAt(paths, time, [width, height]) {
  const away = (path) => Math.max(path[0][0] - time, time - path.at(-1)[0], 0);
  const nearest = Math.min(...paths.map(away));
  const here = paths.filter((path) => away(path) === nearest).sort((one, other) => one[0][0] - other[0][0]);
  const [first, ...others] = here.map((path) => boxAt(path, time));
  const all = others.reduce(
    (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])],
    first,
  );
  return Math.max((all[2] - all[0]) / width, (all[3] - all[1]) / height) <= TOGETHER ? all : first;
}

// The frame at that time: [left, top, width, height] in shares; in the middle while nobody is known.
function cropAt(paths, time, [width, height]) {
  if (!paths.length) return [(1 - width) / 2, (1 - height) / 2, width, height];
  const [left, top, right, bottom] = subjectAt(paths, time, [width, height]);
  const within = (start, size) => Math.min(Math.max(start, 0), 1 - size);
  const [x, y] = [(left + right) / 2 - width / 2, (top + bottom) / 2 - height * FACE_HEIGHT];
  return [within(x, width), within(y, height), width, height];
}
