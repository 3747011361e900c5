// Makes the example page's picture and film, which are too large to keep in the repository.
//   node examples/make-site.js
// What exists is left alone: a file gets its name only when it is complete. To make them anew, remove
// examples/site/media/.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeFilm } from './media/film.js'
import { makePicture } from './media/picture.js'

const MEDIA = fileURLToPath(new URL('./site/media/', import.meta.url))
const FILES = { 'weir.png': makePicture, 'weir.mp4': makeFilm }

mkdirSync(MEDIA, { recursive: true })
for (const [name, make] of Object.entries(FILES)) {
  const path = join(MEDIA, name)
  if (existsSync(path)) continue
  const started = performance.now()
  const contents = make()
  store(path, contents)
  const megabytes = (contents.length / 1e6).toFixed(1)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`made ${relative(process.cwd(), path)}: ${megabytes} MB in ${seconds} s`)
}

/** Writes under a name of this process's own first, so that two runs at once do not meet in one file. */
function store(path, contents) {
  const partial = `${path}.${process.pid}.part`
  try {
    writeFileSync(partial, contents)
    renameSync(partial, path)
  } finally {
    rmSync(partial, { force: true })
  }
}
