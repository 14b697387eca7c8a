"use strict";
// The way of a photo to the network's square, as data/letterbox.py does it with Pillow: antialiased bilinear, rounded after each axis.

/** Weights of a triangle filter as wide as a source pixel, or as a target pixel where that is larger: [first source pixel, weights] each. */
function taps(source, target) {
  const scale = source / target, reach = Math.max(scale, 1), found = [];
  for (let i = 0; i < target; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0), end = Math.min(Math.trunc(centre + reach + 0.5), source);
    const weights = [];
    for (let k = first; k < end; k++) weights.push(Math.max(0, 1 - Math.abs((k - centre + 0.5) / reach)));
    const sum = weights.reduce((a, b) => a + b, 0);
    found.push([first, weights.map((weight) => weight / sum)]);
  }
  return found;
}

/** {data: RGBA bytes, width, height} -> the same at width x height. */
function resize(image, width, height) {
  const across = image.width === width ? image : pass(image, taps(image.width, width), true);
  return image.height === height ? across : pass(across, taps(image.height, height), false);
}

function pass(image, filter, horizontal) {
  const width = horizontal ? filter.length : image.width, height = horizontal ? image.height : filter.length;
  const data = new Uint8ClampedArray(4 * width * height), step = horizontal ? 4 : 4 * image.width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [first, weights] = filter[horizontal ? x : y];
      let at = horizontal ? 4 * (y * image.width + first) : 4 * (first * image.width + x), r = 0, g = 0, b = 0;
      for (const weight of weights) {
        r += weight * image.data[at];
        g += weight * image.data[at + 1];
        b += weight * image.data[at + 2];
        at += step;
      }
      const to = 4 * (y * width + x);
      data[to] = Math.floor(r + 0.5);
      data[to + 1] = Math.floor(g + 0.5);
      data[to + 2] = Math.floor(b + 0.5);
      data[to + 3] = 255;
    }
  }
  return {data, width, height};
}

/** {data, width, height} -> planes R, G, B of size x size bytes: short side to size, black bars to a square, resized to size. */
function letterbox(image, size) {
  const short = Math.min(image.width, image.height);
  const small = resize(image, Math.floor(size * image.width / short), Math.floor(size * image.height / short));
  const side = Math.max(small.width, small.height);
  const left = Math.floor((side - small.width) / 2), top = Math.floor((side - small.height) / 2);
  const square = {data: new Uint8ClampedArray(4 * side * side), width: side, height: side};
  for (let y = 0; y < small.height; y++) {
    const row = small.data.subarray(4 * y * small.width, 4 * (y + 1) * small.width);
    square.data.set(row, 4 * ((y + top) * side + left));
  }
  const found = resize(square, size, size).data, planes = new Uint8Array(3 * size * size);
  for (let i = 0; i < size * size; i++) for (let c = 0; c < 3; c++) planes[c * size * size + i] = found[4 * i + c];
  return planes;
}

if (typeof globalThis !== "undefined") Object.assign(globalThis, {letterbox, resize});
