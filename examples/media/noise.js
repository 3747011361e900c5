/**
 * A texture of smooth fractal noise that repeats without a seam in both directions.
 *
 * `size` is its edge in texels, a power of two. `cellsU` × `cellsV` is the coarsest lattice (powers of two
 * too, to divide the texture evenly): few cells one way and many the other give streaks. Each of the
 * `octaves` doubles the lattice and has `gain` times the weight of the one before. Values are 0 to 1.
 */
export function noiseTexture({ size, cellsU, cellsV, octaves, gain = 0.5, seed }) {
  const texels = new Float32Array(size * size)
  const random = randomNumbers(seed)
  let weight = 1
  for (let octave = 0; octave < octaves; octave++) {
    const columns = Math.min(size, cellsU << octave)
    const rows = Math.min(size, cellsV << octave)
    addOctave(texels, size, lattice(columns, rows, random), weight)
    weight *= gain
  }
  stretch(texels)
  return { texels, size }
}

/** The texture's value at a place given in texels, wrapped round at the edges. */
export function sample({ texels, size }, u, v) {
  const mask = size - 1
  const column = Math.floor(u)
  const row = Math.floor(v)
  const du = u - column
  const dv = v - row
  const left = column & mask
  const right = (column + 1) & mask
  const above = (row & mask) * size
  const below = ((row + 1) & mask) * size
  const top = texels[above + left] + (texels[above + right] - texels[above + left]) * du
  const bottom = texels[below + left] + (texels[below + right] - texels[below + left]) * du
  return top + (bottom - top) * dv
}

function lattice(columns, rows, random) {
  const values = new Float32Array(columns * rows)
  for (let index = 0; index < values.length; index++) values[index] = random()
  return { values, columns, rows }
}

function addOctave(texels, size, { values, columns, rows }, weight) {
  const across = interpolation(size, columns)
  const down = interpolation(size, rows)
  for (let y = 0; y < size; y++) {
    const above = down.from[y] * columns
    const below = down.to[y] * columns
    const dy = down.fraction[y]
    for (let x = 0; x < size; x++) {
      const left = across.from[x]
      const right = across.to[x]
      const dx = across.fraction[x]
      const top = values[above + left] + (values[above + right] - values[above + left]) * dx
      const bottom = values[below + left] + (values[below + right] - values[below + left]) * dx
      texels[y * size + x] += weight * (top + (bottom - top) * dy)
    }
  }
}

/** For each texel along one edge: the lattice points on either side and the eased distance between them. */
function interpolation(size, cells) {
  const from = new Uint16Array(size)
  const to = new Uint16Array(size)
  const fraction = new Float32Array(size)
  for (let texel = 0; texel < size; texel++) {
    const place = (texel * cells) / size
    from[texel] = Math.floor(place)
    to[texel] = (from[texel] + 1) % cells
    const part = place - from[texel]
    fraction[texel] = part * part * (3 - 2 * part)
  }
  return { from, to, fraction }
}

/** Spreads the values over 0 to 1. */
function stretch(texels) {
  let low = Infinity
  let high = -Infinity
  for (const value of texels) {
    if (value < low) low = value
    if (value > high) high = value
  }
  for (let index = 0; index < texels.length; index++) texels[index] = (texels[index] - low) / (high - low)
}

/** The same numbers from the same seed on every machine: a Weyl sequence through a multiplicative hash. */
function randomNumbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}
