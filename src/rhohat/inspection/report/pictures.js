"use strict";
// Pictures: from bytes in the page to pixels on a canvas.

const DIVERGING = [[0, 66, 128], [86, 180, 233], [245, 245, 245], [230, 159, 0], [140, 60, 0]];

/** Color of x in [-1, 1]. */
const MAPS = {
  gray: (x) => {
    const level = Math.round(127.5 * (x + 1));
    return [level, level, level];
  },
  diverging: (x) => {
    const place = (x + 1) * (DIVERGING.length - 1) / 2;
    const low = Math.min(Math.floor(place), DIVERGING.length - 2);
    return DIVERGING[low].map((from, i) => Math.round(from + (DIVERGING[low + 1][i] - from) * (place - low)));
  },
};

/** Levels of all pictures, decoded when they are first needed. */
function levelsOf(pictures) {
  if (!pictures.levels) {
    const text = atob(pictures.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    pictures.levels = pictures.signed ? new Int8Array(bytes.buffer) : bytes;
    pictures.data = null;
  }
  return pictures.levels;
}

/** Values of one picture in [-1, 1], made `contrast` times as strong; from the lowest to the highest of `range`, if given. */
function valuesOf(pictures, index, contrast, range = null) {
  const [, height, width, channels] = pictures.shape;
  const size = height * width * channels;
  const levels = levelsOf(pictures).subarray(index * size, (index + 1) * size);
  const own = pictures.signed ? (level) => level / 127 : (level) => level / 127.5 - 1;
  const value = range ? (level) => (2 * (inUnits(pictures, index, own(level)) - range[0])) / (range[1] - range[0] || 1) - 1 : own;
  return Array.from(levels, (level) => Math.max(-1, Math.min(1, contrast * value(level))));
}

/** What a value in [-1, 1] of a picture's own scale stands for. */
function inUnits({ signed, low, high }, index, value) {
  return signed ? value * high[index] : low[index] + ((value + 1) / 2) * (high[index] - low[index]);
}

function paint(canvas, pictures, index, { map = "gray", contrast = 1, places = null, range = null } = {}) {
  const values = valuesOf(pictures, index, contrast, range);
  if (pictures.kind === "trace") paintTraces(canvas, values, pictures.shape[1], pictures.signed, places);
  else if (pictures.kind === "bars") paintBars(canvas, values, pictures.signed);
  else paintImage(canvas, values, pictures.shape, map);
}

function paintImage(canvas, values, [, height, width, channels], map) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const first = pixel * channels;
    const color = channels >= 3
      ? [0, 1, 2].map((channel) => MAPS.gray(values[first + channel])[0])
      : MAPS[map](values[first]);
    image.data.set([...color, 255], 4 * pixel);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A bar for each value, from zero. */
function paintBars(canvas, values, signed) {
  const [width, height] = [240, 160];
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), wide = width / values.length;
  const y = (value) => height / 2 - 0.46 * height * value, zero = y(signed ? 0 : -1);
  context.fillStyle = getComputedStyle(canvas).color;
  for (const [i, value] of values.entries()) {
    context.fillRect(wide * (i + 0.15), Math.min(y(value), zero), 0.7 * wide, Math.max(Math.abs(y(value) - zero), 1));
  }
}

/** A line for each of the rows of a picture, one below the other; a single one may have places along its axis. */
function paintTraces(canvas, values, rows, signed, places) {
  const [width, height] = [240, 160];
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const length = values.length / rows, band = height / rows;
  context.strokeStyle = getComputedStyle(canvas).color;
  const [from, to] = places ? [Math.min(...places), Math.max(...places)] : [0, 1];
  const x = (i) => (places && to > from ? width * (0.01 + 0.98 * (places[i] - from) / (to - from)) : width * (i + 0.5) / length);
  for (let row = 0; row < rows; row++) {
    const y = (value) => band * (row + 0.5) - 0.46 * band * value;
    context.globalAlpha = 0.25;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, y(signed ? 0 : -1));
    context.lineTo(width, y(signed ? 0 : -1));
    context.stroke();
    context.globalAlpha = 1;
    context.lineWidth = rows > 4 ? 1 : 2;
    context.beginPath();
    for (let i = 0; i < length; i++) context.lineTo(x(i), y(values[row * length + i]));
    context.stroke();
  }
}
