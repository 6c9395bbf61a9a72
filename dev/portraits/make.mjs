// Draws the portraits of the demo's people: `make portraits`. The same seeds give the same pictures.
//
// Only pictures whose hash is far from that of all others are kept, also of mirrored ones, or the system that is shown
// would take them for stolen.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createAvatar } from "@dicebear/core";
import * as openPeeps from "@dicebear/open-peeps";
import sharp from "sharp";
import { HEIGHT, WIDTH, scene } from "./scenes.mjs";

const FOLDER = fileURLToPath(new URL("pictures/", import.meta.url));
const FAR = 13; // bits of 64; shared/photos/rules.py takes up to six for the same picture
const QUALITY = 66;

const FACES = ["calm", "cute", "smile", "smile", "calm", "smile", "cheeky", "eatingHappy", "explaining", "smileLOL", "cute", "smile"];
const SKIN = ["ffdbb4", "edb98a", "d08b5b", "ae5d29", "694d3d", "f3c9a5", "c68642", "8d5524"];
const HAIR = ["2c1b18", "4a312c", "724133", "a55728", "b58143", "d6b370", "ecdcbf", "c93305", "2c1b18", "4a312c"];
const CLOTHES = ["e78276", "ffcf77", "f4efe6", "78b9a1", "9ddadb", "8fa7df", "e279c7", "3d5a80", "b56576", "6d597a", "355070", "fdea6b"];
const KINDS = {
  woman: {
    count: 85, twice: 20, beard: 0,
    heads: ["bangs", "bangs2", "bantuKnots", "bun", "bun2", "buns", "cornrows2", "hijab", "long", "longAfro", "longBangs",
      "longCurly", "medium1", "medium2", "medium3", "mediumBangs", "mediumBangs2", "mediumBangs3", "mediumStraight",
      "twists2", "afro", "grayMedium", "hatHip"],
  },
  man: {
    count: 85, twice: 20, beard: 45,
    heads: ["short1", "short2", "short3", "short4", "short5", "flatTop", "flatTopLong", "pomp", "shaved1", "shaved2",
      "shaved3", "noHair1", "turban", "dreads1", "hatBeanie", "cornrows", "twists", "grayShort", "afro",
      "short2", "short1", "short3", "pomp"],
  },
  nonbinary: {
    count: 30, twice: 6, beard: 12,
    heads: ["short4", "short5", "bangs2", "mohawk", "medium1", "afro", "hatBeanie", "dreads2", "shaved3", "bun2",
      "mediumStraight", "hatHip", "flatTopLong", "twists"],
  },
};
const BEARDS = ["chin", "full", "full2", "full3", "full4", "goatee1", "goatee2", "moustache2", "moustache3"];
const GLASSES = ["glasses", "glasses2", "glasses3", "glasses4", "glasses5"];

/** Chance that can be repeated (mulberry32). */
function chance(seed) {
  let state = [...seed].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0), 16777619), 2166136261) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (least, most) => Math.round(least + next() * (most - least)),
    pick: (list) => list[Math.floor(next() * list.length)],
    chance: (share) => next() < share,
  };
}

function person(kind, number) {
  const random = chance(`${kind} ${number}`);
  const { heads, beard } = KINDS[kind];
  return {
    head: heads[(number + random.between(0, 1) * heads.length) % heads.length],
    skin: random.pick(SKIN),
    hair: random.pick(HAIR),
    beard: random.between(1, 100) <= beard ? random.pick(BEARDS) : null,
    glasses: random.chance(0.22) ? random.pick(GLASSES) : null,
  };
}

function drawn(who, seed) {
  const random = chance(seed);
  const figure = createAvatar(openPeeps, {
    head: [who.head],
    face: [random.pick(FACES)],
    skinColor: [who.skin],
    headContrastColor: [who.hair],
    clothingColor: [random.pick(CLOTHES)],
    facialHair: who.beard ? [who.beard] : [],
    facialHairProbability: who.beard ? 100 : 0,
    accessories: who.glasses ? [who.glasses] : [],
    accessoriesProbability: who.glasses ? 100 : 0,
    maskProbability: 0,
  }).toString();
  const [, box] = figure.match(/viewBox="0 0 (\d+) \d+"/);
  const inside = figure.replace(/^<svg[^>]*>/, "").replace(/<metadata.*?<\/metadata>/s, "").replace(/<\/svg>$/, "");
  const size = random.between(500, 590);
  const left = (WIDTH - size) / 2 + random.between(-36, 36);
  const scale = size / Number(box);
  const turned = random.chance(0.5) ? `translate(${WIDTH} 0) scale(-1 1)` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
    ${scene(random)}
    <g transform="${turned} translate(${left} ${HEIGHT - size + 4}) scale(${scale})">${inside}</g></svg>`;
}

/** The difference hashes of shared/photos/appearance.py, of the picture and of its mirror image. */
async function hashes(picture) {
  const { data } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  const cells = Array.from({ length: 8 }, () => new Array(9).fill(0));
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const at = (y * WIDTH + x) * 3;
      cells[Math.floor((y * 8) / HEIGHT)][Math.floor((x * 9) / WIDTH)] +=
        0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    }
  }
  const level = (cell) => Math.round(cell / ((WIDTH * HEIGHT) / 72));
  const bits = (rows) => rows.flatMap((row) => row.slice(0, 8).map((cell, x) => (level(cell) - level(row[x + 1]) > 1 ? 1 : 0)));
  return [bits(cells), bits(cells.map((row) => [...row].reverse()))];
}

const distance = (a, b) => a.reduce((sum, bit, place) => sum + (bit ^ b[place]), 0);

async function main() {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  const known = [];
  for (const [kind, { count, twice }] of Object.entries(KINDS)) {
    for (let number = 0; number < count; number += 1) {
      for (let photo = 0; photo < (number < twice ? 2 : 1); photo += 1) {
        const who = person(kind, number);
        for (let attempt = 0; ; attempt += 1) {
          const svg = drawn(who, `${kind} ${number} ${photo} ${attempt}`);
          const picture = await sharp(Buffer.from(svg)).flatten({ background: "#fff" }).webp({ quality: QUALITY, effort: 6, smartSubsample: true }).toBuffer();
          const [plain, mirrored] = await hashes(picture);
          if ([...known, mirrored].some((other) => distance(plain, other) < FAR)) continue;
          known.push(plain, mirrored);
          writeFileSync(`${FOLDER}${kind}-${String(number).padStart(2, "0")}-${photo}.webp`, picture);
          break;
        }
      }
    }
  }
  console.log(`${readdirSync(FOLDER).length} portraits`);
}

await main();
