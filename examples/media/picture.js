import { encodePng } from './png.js'
import { openScene } from './scene.js'

const WIDTH = 1200
const HEIGHT = 675
const FINER = 2

/** The scene as a PNG file, painted at twice the size and halved so that thin streaks stay smooth. */
export function makePicture() {
  const scene = openScene(WIDTH * FINER, HEIGHT * FINER)
  return encodePng(halve(scene.paint(0.2), scene.width), WIDTH, HEIGHT)
}

function halve(rgb, width) {
  const halved = new Uint8Array(rgb.length / FINER ** 2)
  const rowBytes = width * 3
  let target = 0
  for (let row = 0; row < rgb.length; row += rowBytes * FINER) {
    for (let x = 0; x < rowBytes; x += 3 * FINER) {
      for (let from = row + x; from < row + x + 3; from++) {
        halved[target++] =
          (rgb[from] + rgb[from + 3] + rgb[from + rowBytes] + rgb[from + rowBytes + 3] + 2) >> 2
      }
    }
  }
  return halved
}
