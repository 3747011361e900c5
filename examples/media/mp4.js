// An MP4 file with one H.264 track: ISO/IEC 14496-12 (boxes) and 14496-15 (avc1, avcC). The index comes
// before the pictures, so that a player knows every place from its first request and can ask for any.

const MOVIE_TICKS = 1000 // a second, in mvhd and tkhd
const FRAME_TICKS = 512 // a frame, in the track
const UNITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]
const LANGUAGE_UNDETERMINED = 0x55c4 // "und", five bits a letter
const LENGTH_BYTES = 4 // of the length before every NAL unit
const BT709 = 1

/** The file's bytes, from the two parameter sets and one NAL unit a picture; each is a place to start. */
export function encodeMp4({ width, height, framesASecond, sps, pps, units }) {
  const track = {
    width,
    height,
    framesASecond,
    sps,
    pps,
    sizes: units.map(unit => LENGTH_BYTES + unit.length),
  }
  const type = box('ftyp', ascii('isom'), u32(512), ascii('isomiso2avc1mp41'))
  const media = box('mdat', ...units.flatMap(unit => [u32(unit.length), unit]))
  // The index names places in the file that depend on its own length, which does not depend on them.
  const mediaAt = type.length + movie(track, 0).length + 8
  return Buffer.concat([type, movie(track, mediaAt), media])
}

function movie(track, mediaAt) {
  const ms = Math.round((track.sizes.length * MOVIE_TICKS) / track.framesASecond)
  const header = fullBox(
    'mvhd',
    0,
    u32(0, 0, MOVIE_TICKS, ms), // created, modified
    u32(0x10000), // speed 1
    u16(0x100, 0), // volume 1
    u32(0, 0, ...UNITY_MATRIX, 0, 0, 0, 0, 0, 0),
    u32(2), // the next track's number
  )
  return box('moov', header, box('trak', trackHeader(track, ms), media(track, mediaAt)))
}

function trackHeader({ width, height }, ms) {
  return fullBox(
    'tkhd',
    3, // enabled, in the movie
    u32(0, 0, 1, 0, ms), // created, modified, track number, reserved
    u32(0, 0),
    u16(0, 0, 0, 0), // layer, group, volume, reserved
    u32(...UNITY_MATRIX, width * 0x10000, height * 0x10000),
  )
}

function media(track, mediaAt) {
  const ticks = track.framesASecond * FRAME_TICKS
  return box(
    'mdia',
    fullBox('mdhd', 0, u32(0, 0, ticks, track.sizes.length * FRAME_TICKS), u16(LANGUAGE_UNDETERMINED, 0)),
    fullBox('hdlr', 0, u32(0), ascii('vide'), u32(0, 0, 0), ascii('video\0')),
    box(
      'minf',
      fullBox('vmhd', 1, u16(0, 0, 0, 0)),
      box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))), // 1: the samples are in this file
      sampleTable(track, mediaAt),
    ),
  )
}

/** Without an `stss` box every sample is a place to start (14496-12, section 8.6.2). One sample a chunk. */
function sampleTable(track, mediaAt) {
  const { sizes } = track
  let at = mediaAt
  const places = sizes.map(size => {
    at += size
    return at - size
  })
  return box(
    'stbl',
    fullBox('stsd', 0, u32(1), sampleEntry(track)),
    fullBox('stts', 0, u32(1, sizes.length, FRAME_TICKS)),
    fullBox('stsc', 0, u32(1, 1, 1, 1)), // from chunk 1 on: one sample each, described by entry 1
    fullBox('stsz', 0, u32(0, sizes.length, ...sizes)),
    fullBox('stco', 0, u32(sizes.length, ...places)),
  )
}

function sampleEntry({ width, height, sps, pps }) {
  const configuration = box(
    'avcC',
    Buffer.from([1, sps[1], sps[2], sps[3]]), // version; profile, constraints, level as in the parameter set
    Buffer.from([0b11111100 | (LENGTH_BYTES - 1), 0b11100000 | 1]),
    u16(sps.length),
    sps,
    Buffer.from([1]),
    u16(pps.length),
    pps,
  )
  return box(
    'avc1',
    u16(0, 0, 0, 1), // reserved, data reference 1
    u32(0, 0, 0, 0),
    u16(width, height),
    u32(0x480000, 0x480000, 0), // 72 dots an inch
    u16(1), // frames a sample
    Buffer.alloc(32), // the encoder's name
    u16(0x18, 0xffff), // depth 24, no colour table
    configuration,
    box('colr', ascii('nclx'), u16(BT709, BT709, BT709), Buffer.from([0])),
  )
}

function box(type, ...parts) {
  const size = parts.reduce((sum, part) => sum + part.length, 8)
  return Buffer.concat([u32(size), ascii(type), ...parts], size)
}

function fullBox(type, flags, ...parts) {
  return box(type, u32(flags), ...parts) // the version, 0, is the first of the four bytes
}

function ascii(text) {
  return Buffer.from(text, 'latin1')
}

function u32(...values) {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4)
  })
  return bytes
}

function u16(...values) {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2)
  })
  return bytes
}
