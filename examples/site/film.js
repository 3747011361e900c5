// The film's format is what makes this short: an MP4 file whose H.264 pictures are plain samples (I_PCM
// macroblocks), so a picture can be drawn from its bytes without a decoder. examples/media/ writes it.

const INDEX_BYTES = 4096 // the file begins with its index, which fits
const BEFORE_SAMPLES = 9 // length, NAL unit header, slice header and first mb_type
const MACROBLOCK = 16
const LUMA_BYTES = 256
const CHROMA_BYTES = 64
const MACROBLOCK_BYTES = LUMA_BYTES + 2 * CHROMA_BYTES
const BETWEEN_MACROBLOCKS = 2 // the next mb_type

/** Where each picture of the film lies: an array of `{ start, end }` in bytes, `end` not included. */
export async function readIndex(url) {
  const response = await fetch(url, { headers: { Range: `bytes=0-${INDEX_BYTES - 1}` }, cache: 'no-store' })
  const bytes = await response.arrayBuffer()
  const view = new DataView(bytes)
  const text = new TextDecoder('latin1').decode(bytes)
  const sizes = text.indexOf('stsz') + 16 // past type, flags, common size and count
  const places = text.indexOf('stco') + 12
  return Array.from({ length: view.getUint32(sizes - 4) }, (_, index) => {
    const start = view.getUint32(places + 4 * index)
    return { start, end: start + view.getUint32(sizes + 4 * index) }
  })
}

/** Draws a picture's bytes; the canvas has the film's size. */
export function drawPicture(bytes, canvas) {
  const context = canvas.getContext('2d')
  const image = context.createImageData(canvas.width, canvas.height)
  const columns = Math.ceil(canvas.width / MACROBLOCK)
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const macroblock = Math.floor(y / MACROBLOCK) * columns + Math.floor(x / MACROBLOCK)
      const luma = BEFORE_SAMPLES + macroblock * (MACROBLOCK_BYTES + BETWEEN_MACROBLOCKS)
      const chroma = luma + LUMA_BYTES + ((y % 16) >> 1) * 8 + ((x % 16) >> 1)
      // ITU-R BT.709 in limited range, back to red, green and blue
      const light = 1.164 * (bytes[luma + (y % 16) * 16 + (x % 16)] - 16)
      const cb = bytes[chroma] - 128
      const cr = bytes[chroma + CHROMA_BYTES] - 128
      const pixel = (y * canvas.width + x) * 4
      image.data[pixel] = light + 1.793 * cr
      image.data[pixel + 1] = light - 0.213 * cb - 0.533 * cr
      image.data[pixel + 2] = light + 2.112 * cb
      image.data[pixel + 3] = 255
    }
  }
  context.putImageData(image, 0, 0)
}
