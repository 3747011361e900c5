import { deflateSync } from 'node:zlib'

const BYTES_PER_PIXEL = 3
const PAETH = 4

/** A PNG file of `width` × `height` pixels from their red, green and blue bytes (W3C PNG, third edition). */
export function encodePng(rgb, width, height) {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8) // eight bits a sample, no alpha, deflate, filtered, not interlaced
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filterRows(rgb, width, height), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Every sample as its difference from the neighbour that predicts it best, which compresses better. */
function filterRows(rgb, width, height) {
  const rowBytes = width * BYTES_PER_PIXEL
  const filtered = Buffer.alloc((rowBytes + 1) * height)
  for (let y = 0; y < height; y++) {
    const row = y * rowBytes
    const target = y * (rowBytes + 1)
    filtered[target] = PAETH
    for (let x = 0; x < rowBytes; x++) {
      const left = x >= BYTES_PER_PIXEL ? rgb[row + x - BYTES_PER_PIXEL] : 0
      const above = y > 0 ? rgb[row - rowBytes + x] : 0
      const corner = x >= BYTES_PER_PIXEL && y > 0 ? rgb[row - rowBytes + x - BYTES_PER_PIXEL] : 0
      filtered[target + 1 + x] = rgb[row + x] - paeth(left, above, corner)
    }
  }
  return filtered
}

/** The neighbour nearest to left + above − corner; ties go to left, then above (section 9.4). */
function paeth(left, above, corner) {
  const toLeft = Math.abs(above - corner)
  const toAbove = Math.abs(left - corner)
  const toCorner = Math.abs(left + above - 2 * corner)
  if (toLeft <= toAbove && toLeft <= toCorner) return left
  return toAbove <= toCorner ? above : corner
}

function chunk(type, data) {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(typed))
  return Buffer.concat([length, typed, check])
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1
  return remainder
})

/** The checksum of annex D; `node:zlib` has it only from Node 20.15 and 22.2 on. */
function crc32(bytes) {
  let remainder = 0xffffffff
  for (const byte of bytes) remainder = CRC_TABLE[(remainder ^ byte) & 0xff] ^ (remainder >>> 8)
  return (remainder ^ 0xffffffff) >>> 0
}
