import { parameterSets, pictureUnit } from './h264.js'
import { encodeMp4 } from './mp4.js'
import { openScene } from './scene.js'
import { toYcbcr } from './ycbcr.js'

const WIDTH = 480
const HEIGHT = 270
const FRAMES_A_SECOND = 24
const SECONDS = 8

/** The scene as an MP4 film of one loop, about 38 MB: it is H.264, but none of its pictures is compressed. */
export function makeFilm() {
  const scene = openScene(WIDTH, HEIGHT)
  const count = FRAMES_A_SECOND * SECONDS
  const units = []
  for (let index = 0; index < count; index++) {
    units.push(pictureUnit(toYcbcr(scene.paint(index / count), WIDTH, HEIGHT), index))
  }
  const { sps, pps } = parameterSets({ width: WIDTH, height: HEIGHT, framesASecond: FRAMES_A_SECOND })
  return encodeMp4({ width: WIDTH, height: HEIGHT, framesASecond: FRAMES_A_SECOND, sps, pps, units })
}
