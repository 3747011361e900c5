import { noiseTexture, sample } from './noise.js'

// A texture spans this much of the flow before it repeats: four gates across, and the age of one loop.
const LINES_A_TEXTURE = 4 * Math.PI
const AGES_A_TEXTURE = 14

const DEEP_TO_BRIGHT = [
  [3, 14, 30],
  [6, 42, 70],
  [12, 92, 118],
  [62, 168, 172],
  [190, 232, 216],
]
const FOAM = [232, 250, 246]
const GLINT = [230, 172, 90]

/**
 * A function that writes the colour of the water at one place as three bytes. The flow carries three textures
 * along: silk (streaks), swirl (which bends the streaks behind the gates) and foam. `texels` is their edge, a
 * power of two: about one texel a pixel, since more would only glitter. A phase of 1 looks like a phase of 0.
 */
export function openWater(texels) {
  const octaves = Math.log2(texels) - 5
  const silk = noiseTexture({ size: texels, cellsU: 4, cellsV: 32, octaves, gain: 0.55, seed: 7 })
  const swirl = noiseTexture({ size: texels, cellsU: 16, cellsV: 8, octaves: 4, gain: 0.5, seed: 21 })
  const foam = noiseTexture({ size: texels, cellsU: 32, cellsV: 32, octaves, gain: 0.6, seed: 5 })
  const pace = texels / AGES_A_TEXTURE
  const spread = texels / LINES_A_TEXTURE

  return ({ x, line, age, speed, shear }, phase, rgb, target) => {
    const behind = Math.max(0, x)
    const clear = 1 / (1 + (0.22 * pace * shear) ** 2) // streaks finer than a pixel fade; they would glitter
    const rough = clear * texels * (0.009 + 0.088 * (1 - Math.exp(-0.35 * behind)))
    const carried = age * pace - phase * texels
    const across = line * spread
    const u = carried + rough * (sample(swirl, carried + texels * 0.32, across + texels * 0.5) - 0.5)
    const v = across + rough * (sample(swirl, carried, across) - 0.5)

    const streak = sample(silk, u, v)
    const height = 0.5 + clear * (streak - 0.5)
    const light = 5 * clear * (streak - sample(silk, u + texels * 0.002, v + texels * 0.003))
    const rush = Math.max(0, Math.min(1.6, speed) - 0.75)
    const lee = behind > 0 ? Math.max(0, 0.9 - speed) * Math.exp(-0.2 * behind) : 0
    const tone = 0.12 + 0.4 * height + 0.34 * rush - 0.35 * lee + 0.35 * light
    const glint = 1.2 * Math.max(0, light - 0.25) ** 2 * (behind > 0 ? 0.5 : 1)

    let white = 0
    if (behind > 0) {
      const crest = (1 - Math.abs(2 * height - 1)) ** 3
      const thinning = Math.min(1, 2 * behind) * Math.exp(-0.16 * behind)
      white = 2 * thinning * (0.9 * crest + 0.9 * clear * sample(foam, u, v) - 1.05 + 0.35 * rush)
    }
    paint(rgb, target, tone, glint, Math.max(0, Math.min(1, white)))
  }
}

function paint(rgb, target, tone, glint, white) {
  const cover = white * white * (3 - 2 * white)
  const place = Math.max(0, Math.min(0.9999, tone)) * (DEEP_TO_BRIGHT.length - 1)
  const darker = DEEP_TO_BRIGHT[Math.floor(place)]
  const brighter = DEEP_TO_BRIGHT[Math.floor(place) + 1]
  for (let channel = 0; channel < 3; channel++) {
    const lit = darker[channel] + (brighter[channel] - darker[channel]) * (place % 1) + GLINT[channel] * glint
    rgb[target + channel] = lit + (FOAM[channel] - lit) * cover // a clamped array rounds and limits
  }
}
