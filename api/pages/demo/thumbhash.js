// Thumbhashes as pictures, after the format by Evan Wallace (evanw.github.io/thumbhash).

function channel(bytes, state, nx, ny, scale) {
  const waves = [];
  for (let y = 0; y < ny; y += 1) {
    for (let x = y ? 0 : 1; x * ny < nx * (ny - y); x += 1) {
      const nibble = (bytes[state.start + (state.index >> 1)] >> ((state.index & 1) << 2)) & 15;
      state.index += 1;
      waves.push((nibble / 7.5 - 1) * scale);
    }
  }
  return waves;
}

/** The blurred picture of a thumbhash without transparency, as an address for an image. */
export function thumbhashUrl(hash) {
  const bytes = Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
  const head = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const more = bytes[3] | (bytes[4] << 8);
  const [l, p, q] = [(head & 63) / 63, ((head >> 6) & 63) / 31.5 - 1, ((head >> 12) & 63) / 31.5 - 1];
  const alpha = head >> 23;
  const wide = more >> 15;
  const nx = Math.max(3, wide ? (alpha ? 5 : 7) : more & 7);
  const ny = Math.max(3, wide ? more & 7 : alpha ? 5 : 7);
  const state = { start: alpha ? 6 : 5, index: 0 };
  const lights = channel(bytes, state, nx, ny, ((head >> 18) & 31) / 31);
  const ps = channel(bytes, state, 3, 3, (((more >> 3) & 63) / 63) * 1.25);
  const qs = channel(bytes, state, 3, 3, (((more >> 9) & 63) / 63) * 1.25);
  const ratio = (wide ? (alpha ? 5 : 7) : more & 7) / (wide ? more & 7 : alpha ? 5 : 7);
  const [width, height] = [Math.round(ratio > 1 ? 32 : 32 * ratio), Math.round(ratio > 1 ? 32 / ratio : 32)];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const at = (waves, columns, rows, x, y) => {
    let sum = 0;
    let wave = 0;
    for (let row = 0; row < rows; row += 1) {
      const down = Math.cos((Math.PI / height) * (y + 0.5) * row) * 2;
      for (let column = row ? 0 : 1; column * rows < columns * (rows - row); column += 1, wave += 1) {
        sum += waves[wave] * Math.cos((Math.PI / width) * (x + 0.5) * column) * down;
      }
    }
    return sum;
  };
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, to += 4) {
      const light = l + at(lights, nx, ny, x, y);
      const [yellow, red] = [p + at(ps, 3, 3, x, y), q + at(qs, 3, 3, x, y)];
      const blue = light - (2 / 3) * yellow;
      const r = (3 * light - blue + red) / 2;
      picture.data.set([255 * r, 255 * (r - red), 255 * blue, 255], to);
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas.toDataURL();
}
