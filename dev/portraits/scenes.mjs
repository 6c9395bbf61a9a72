// What stands behind a person: places drawn of a few shapes, in colours of a palette. Each takes a source of chance
// and gives the inside of an SVG of WIDTH x HEIGHT.

export const WIDTH = 540;
export const HEIGHT = 720;

// Sky or wall, something before it, something further, light, dark.
export const PALETTES = [
  ["#ffd9b8", "#f7a072", "#e4572e", "#fff3e0", "#5f3a3a"],
  ["#cde7e1", "#84b8a8", "#3d7c6f", "#fdf6e3", "#274c46"],
  ["#f8c8c0", "#e58e8a", "#b8506a", "#fff1ec", "#5a2a42"],
  ["#ffe5a3", "#f6b94a", "#d98324", "#fffaf0", "#6b4423"],
  ["#d5d9f2", "#97a1d9", "#5662b0", "#fbf4ff", "#2d3263"],
  ["#f6d6e4", "#dd9fbf", "#9b5c8f", "#fff5f0", "#4b2a4d"],
  ["#d8e8c0", "#a3c077", "#62884a", "#fffbe6", "#33492c"],
  ["#fbd3a1", "#e8985e", "#8f5a8c", "#ffeeda", "#43305a"],
  ["#c9e4f4", "#7fb5d8", "#34709f", "#fff8ec", "#1e3f5c"],
  ["#efe0cf", "#cdb08f", "#8d6e55", "#fffaf3", "#46362b"],
  ["#ffcfc2", "#ff9a83", "#d1495b", "#fff2d8", "#2f4858"],
  ["#bfe3d8", "#f0b67f", "#d9684a", "#fff7e8", "#3a4f50"],
];

const rect = (x, y, width, height, fill, more = "") =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" ${more}/>`;
const circle = (x, y, r, fill, more = "") => `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}" ${more}/>`;
const path = (d, fill, more = "") => `<path d="${d}" fill="${fill}" ${more}/>`;
const times = (count, draw) => Array.from({ length: count }, (_, index) => draw(index)).join("");

function ridge(random, height, roughness) {
  let line = `M0 ${HEIGHT} L0 ${height}`;
  const step = random.between(70, 130);
  for (let x = 0; x <= WIDTH + step; x += step) {
    const y = height + random.between(-roughness, roughness);
    line += ` Q${x + step / 2} ${y - random.between(0, roughness)} ${x + step} ${y}`;
  }
  return `${line} L${WIDTH + 200} ${HEIGHT} Z`;
}

const SCENES = {
  sea(random, [wall, near, far, light, dark]) {
    const horizon = random.between(300, 430);
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      circle(random.between(60, 480), horizon - random.between(10, 150), random.between(55, 95), light) +
      rect(0, horizon, WIDTH, HEIGHT, near) +
      times(9, () =>
        rect(random.between(-40, 480), horizon + random.between(8, 220), random.between(60, 180), 6, light, 'rx="3" opacity="0.6"'),
      ) +
      path(`M${random.between(20, 420)} ${horizon} l22 0 l-8 14 l-40 0 z m4 -4 l0 -64 l34 52 z`, random.pick([far, dark]))
    );
  },
  hills(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      circle(random.between(60, 480), random.between(70, 190), random.between(45, 80), light) +
      path(ridge(random, random.between(230, 330), 60), near) +
      path(ridge(random, random.between(340, 430), 50), far) +
      path(ridge(random, random.between(470, 540), 30), dark, 'opacity="0.55"')
    );
  },
  mountains(random, [wall, near, far, light]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      times(4, (index) => {
        const x = -80 + index * 170 + random.between(-40, 40);
        const peak = random.between(90, 280);
        return (
          path(`M${x - 190} 620 L${x} ${peak} L${x + 190} 620 Z`, index % 2 ? near : far) +
          path(`M${x - 40} ${peak + 100} L${x} ${peak} L${x + 40} ${peak + 100} l-22 -14 l-18 20 l-20 -18 Z`, light)
        );
      })
    );
  },
  skyline(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      circle(random.between(80, 460), random.between(80, 200), random.between(40, 70), light) +
      times(8, (index) => {
        const width = random.between(60, 96);
        const height = random.between(180, 520);
        const x = index * 70 - 12;
        const windows = times(Math.floor(height / 44), (row) =>
          times(2, (column) =>
            random.chance(0.6) ? rect(x + 14 + column * 28, HEIGHT - height + 20 + row * 44, 14, 20, light, 'opacity="0.85"') : "",
          ),
        );
        return rect(x, HEIGHT - height, width, height, random.pick([near, far, dark])) + windows;
      })
    );
  },
  window(random, [wall, near, far, light, dark]) {
    const x = random.between(20, 240);
    const y = random.between(30, 90);
    return (
      rect(0, 0, WIDTH, HEIGHT, near) +
      rect(x - 12, y - 12, 294, 364, light) +
      rect(x, y, 270, 340, wall) +
      circle(x + random.between(50, 220), y + random.between(50, 120), 36, light) +
      path(`M${x} ${y + 340} l0 -90 q60 -70 130 -20 q80 -60 140 10 l0 100 z`, far) +
      rect(x + 130, y, 10, 340, light) +
      rect(x, y + 160, 270, 10, light) +
      rect(x - 40, y + 352, 350, 18, dark)
    );
  },
  books(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      times(4, (shelf) => {
        const y = 20 + shelf * 165;
        let x = random.between(0, 60);
        let row = "";
        while (x < WIDTH) {
          const width = random.between(18, 46);
          const height = random.between(80, 138);
          if (random.chance(0.86)) row += rect(x, y + 142 - height, width, height, random.pick([near, far, light, dark, far]));
          x += width + 3;
        }
        return row + rect(0, y + 142, WIDTH, 14, dark);
      })
    );
  },
  leaves(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      times(16, () => {
        const length = random.between(120, 260);
        const turn = random.between(0, 360);
        return path(
          `M0 0 q${length / 3} -${length / 2} 0 -${length} q-${length / 3} ${length / 2} 0 ${length}`,
          random.pick([near, far, dark, near, light]),
          `transform="translate(${random.between(0, WIDTH)} ${random.between(0, 560)}) rotate(${turn})"`,
        );
      })
    );
  },
  lights(random, [, near, far, light, dark]) {
    const strings = times(4, (index) => {
      const y = 50 + index * 95 + random.between(-20, 20);
      const sag = random.between(30, 110);
      const bulbs = times(8, (bulb) => {
        const t = (bulb + random.between(10, 80) / 100) / 8;
        return circle(t * WIDTH, y + 4 * sag * t * (1 - t) + 14, random.between(12, 20), random.pick([light, near]));
      });
      return `<path d="M0 ${y} Q${WIDTH / 2} ${y + 2 * sag} ${WIDTH} ${y}" fill="none" stroke="${far}" stroke-width="4"/>${bulbs}`;
    });
    return rect(0, 0, WIDTH, HEIGHT, dark) + strings;
  },
  forest(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      circle(random.between(80, 460), random.between(80, 240), random.between(50, 90), light) +
      times(12, () => {
        const x = random.between(-20, 560);
        const top = random.between(120, 420);
        const half = random.between(44, 84);
        return path(
          `M${x} ${top} L${x + half} ${top + 180} L${x + half / 2} ${top + 180} L${x + half * 1.3} ${top + 340} L${x - half * 1.3} ${top + 340} L${x - half / 2} ${top + 180} L${x - half} ${top + 180} Z`,
          random.pick([near, far, dark]),
        );
      }) +
      rect(0, 600, WIDTH, 120, far)
    );
  },
  awning(random, [wall, near, far, light, dark]) {
    const stripe = random.between(48, 80);
    const bottom = random.between(130, 210);
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      rect(random.between(0, 60), bottom + 60, random.between(150, 240), 420, dark, 'opacity="0.8"') +
      rect(random.between(300, 360), bottom + 50, 200, random.between(190, 280), light) +
      times(Math.ceil(WIDTH / stripe) + 1, (index) =>
        path(
          `M${index * stripe} 0 h${stripe} v${bottom} a${stripe / 2} ${stripe / 2} 0 0 1 -${stripe} 0 Z`,
          index % 2 ? light : random.pick([far, far]),
        ),
      ) +
      times(3, (index) => circle(40 + index * random.between(190, 250), random.between(420, 560), random.between(40, 70), near))
    );
  },
  arches(random, [wall, near, far, light, dark]) {
    const x = random.between(120, 420);
    const y = random.between(240, 420);
    const colors = [far, light, near, dark, wall];
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      times(5, (index) => {
        const r = random.between(330, 400) - index * 66;
        return path(`M${x - r} ${HEIGHT} V${y} a${r} ${r} 0 0 1 ${2 * r} 0 V${HEIGHT} Z`, colors[index]);
      })
    );
  },
  pictures(random, [wall, near, far, light, dark]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, wall) +
      times(6, (index) => {
        const x = 16 + (index % 3) * 176 + random.between(-10, 20);
        const y = 24 + Math.floor(index / 3) * 230 + random.between(-10, 30);
        const [width, height] = [random.between(100, 150), random.between(120, 190)];
        return (
          rect(x, y, width, height, random.pick([dark, light])) +
          rect(x + 12, y + 12, width - 24, height - 24, random.pick([near, far])) +
          circle(x + width / 2, y + height * (random.between(35, 65) / 100), random.between(16, 30), random.pick([light, dark, wall]))
        );
      })
    );
  },
  clouds(random, [wall, near, far, light]) {
    return (
      rect(0, 0, WIDTH, HEIGHT, random.pick([near, wall])) +
      times(7, () => {
        const x = random.between(-40, 520);
        const y = random.between(40, 480);
        const r = random.between(34, 66);
        return circle(x, y, r, light) + circle(x + r, y + r / 4, r * 0.8, light) + circle(x - r, y + r / 3, r * 0.7, light);
      }) +
      path(ridge(random, random.between(480, 560), 40), far)
    );
  },
};

/** The inside of an SVG that shows a place. */
export function scene(random) {
  const names = Object.keys(SCENES);
  return SCENES[random.pick(names)](random, random.pick(PALETTES));
}
