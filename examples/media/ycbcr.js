const MACROBLOCK = 16

/**
 * Red, green and blue bytes as three planes: luma, and both chroma halved in each direction (ITU-R BT.709,
 * limited range). The planes are filled up to whole macroblocks with copies of the last column and row, which
 * the player crops.
 */
export function toYcbcr(rgb, width, height) {
  const columns = Math.ceil(width / MACROBLOCK)
  const rows = Math.ceil(height / MACROBLOCK)
  const lumaWidth = columns * MACROBLOCK
  const chromaWidth = lumaWidth / 2
  const luma = new Uint8Array(lumaWidth * rows * MACROBLOCK)
  const cb = new Uint8Array(luma.length / 4)
  const cr = new Uint8Array(luma.length / 4)
  const source = (x, y) => (Math.min(y, height - 1) * width + Math.min(x, width - 1)) * 3

  for (let y = 0; y < rows * MACROBLOCK; y += 2) {
    for (let x = 0; x < lumaWidth; x += 2) {
      let red = 0
      let green = 0
      let blue = 0
      for (let corner = 0; corner < 4; corner++) {
        const from = source(x + (corner & 1), y + (corner >> 1))
        const to = (y + (corner >> 1)) * lumaWidth + x + (corner & 1)
        luma[to] = 16.5 + 0.1826 * rgb[from] + 0.6142 * rgb[from + 1] + 0.062 * rgb[from + 2]
        red += rgb[from]
        green += rgb[from + 1]
        blue += rgb[from + 2]
      }
      const to = (y / 2) * chromaWidth + x / 2
      cb[to] = 128.5 + (-0.1006 * red - 0.3386 * green + 0.4392 * blue) / 4
      cr[to] = 128.5 + (0.4392 * red - 0.3989 * green - 0.0403 * blue) / 4
    }
  }
  return { columns, rows, luma, cb, cr }
}
