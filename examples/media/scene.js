import { openFlow, pierDistance } from './flow.js'
import { openWater } from './water.js'

const GATES_IN_VIEW = 2.7
const WALL_AT = 0.34 // of the width
const PIER_HALF_WIDTH = 0.13
const SHADOW_REACH = 0.35
const STONE = [214, 202, 186]

/**
 * A weir seen from above, `width` × `height` pixels. `paint(phase)` gives red, green and blue bytes, always
 * in the same array; phases from 0 to 1 are one loop without a seam. What does not move is worked out once.
 */
export function openScene(width, height) {
  const still = survey(width, height)
  const colour = openWater(width > 1000 ? 1024 : 512)
  const rgb = new Uint8ClampedArray(width * height * 3)
  const place = { x: 0, line: 0, age: 0, speed: 0, shear: 0 }

  const paint = phase => {
    for (let pixel = 0; pixel < still.x.length; pixel++) {
      const target = pixel * 3
      const stone = still.stone[pixel]
      if (stone < 1) {
        place.x = still.x[pixel]
        place.line = still.line[pixel]
        place.age = still.age[pixel]
        place.speed = still.speed[pixel]
        place.shear = still.shear[pixel]
        colour(place, phase, rgb, target)
      }
      const shade = still.shade[pixel]
      for (let channel = 0; channel < 3; channel++) {
        const water = rgb[target + channel] * shade
        rgb[target + channel] = water + (STONE[channel] * still.stoneLight[pixel] - water) * stone
      }
    }
    return rgb
  }
  return { width, height, paint }
}

/** For every pixel: its place in the flow, the stone's share and light, and the shadow on the water. */
function survey(width, height) {
  const pixels = width * height
  const still = {
    x: new Float32Array(pixels),
    line: new Float32Array(pixels),
    age: new Float32Array(pixels),
    speed: new Float32Array(pixels),
    shear: new Float32Array(pixels),
    stone: new Float32Array(pixels),
    stoneLight: new Float32Array(pixels),
    shade: new Float32Array(pixels),
  }
  const flowAt = openFlow()
  const unit = (GATES_IN_VIEW * Math.PI) / height
  const place = { line: 0, age: 0, speed: 0 }
  for (let pixel = 0; pixel < pixels; pixel++) {
    const x = ((pixel % width) + 0.5 - WALL_AT * width) * unit
    const y = (Math.floor(pixel / width) + 0.5 - height / 2) * unit
    flowAt(x, y, place)
    still.x[pixel] = x
    still.line[pixel] = place.line
    still.age[pixel] = place.age
    still.speed[pixel] = place.speed
    still.shear[pixel] = pixel < width ? 0 : Math.abs(place.age - still.age[pixel - width])
    const outside = pierDistance(x, y, PIER_HALF_WIDTH)
    still.stone[pixel] = between(0.5 - outside / unit)
    still.stoneLight[pixel] = (x < 0 ? 1 : 0.84) * (0.78 + 0.22 * between(-outside / PIER_HALF_WIDTH))
    still.shade[pixel] =
      0.45 + 0.55 * between(pierDistance(x - 0.12, y - 0.16, PIER_HALF_WIDTH) / SHADOW_REACH)
  }
  return still
}

function between(value) {
  return Math.max(0, Math.min(1, value))
}
