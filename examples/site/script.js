import { drawPicture, readIndex } from './film.js'

const FILM = 'media/weir.mp4'
const element = id => document.getElementById(id)

/** Asks the server itself, not the browser's cache, and says how long the answer took. */
async function ask(options) {
  const started = performance.now()
  const response = await fetch(FILM, { cache: 'no-store', ...options })
  const body = new Uint8Array(await response.arrayBuffer())
  return { response, body, ms: performance.now() - started }
}

async function showPictures() {
  const pictures = await readIndex(FILM)
  const slider = element('slider')
  slider.max = pictures.length
  element('count').textContent = pictures.length
  let current = new AbortController()
  const show = async () => {
    current.abort()
    current = new AbortController()
    const number = slider.value
    element('number').textContent = number
    const { start, end } = pictures[number - 1]
    const range = `bytes=${start}-${end - 1}`
    try {
      const answer = await ask({ headers: { Range: range }, signal: current.signal })
      drawPicture(answer.body, element('canvas'))
      element('canvas').dataset.number = number
      element('exchange').replaceChildren(...exchange(range, answer))
    } catch (error) {
      if (error.name !== 'AbortError') throw error
    }
  }
  slider.addEventListener('input', show)
  await show()
}

/** The request and the answer as the wire had them, as far as a page may see it. */
function exchange(range, { response, body, ms }) {
  const headers = [
    'Content-Range',
    'Content-Length',
    'Content-Type',
    'ETag',
    'Accept-Ranges',
    'Last-Modified',
  ]
  const lines = headers
    .filter(name => response.headers.has(name))
    .map(name => `${name}: ${response.headers.get(name)}\n`)
  return [
    `GET /${FILM}\nRange: ${range}\n\n`,
    marked('b', `${response.status} ${response.statusText}\n`),
    ...lines,
    marked('i', `\n${count(body.length)} bytes in ${ms.toFixed(1)} ms`),
  ]
}

async function showAnswers() {
  const head = await ask({ method: 'HEAD' })
  const etag = head.response.headers.get('ETag')
  const last = await ask({ headers: { Range: 'bytes=-5' } })
  const again = await ask({ headers: { 'If-None-Match': etag } })
  const changed = await ask({ headers: { Range: 'bytes=0-4', 'If-Range': etag } })
  const says = ({ response }, name) => `${name}: ${response.headers.get(name) ?? 'not said'}`
  element('answers').replaceChildren(
    row('How large is the film?', head, says(head, 'Content-Length')),
    row('Its last five bytes, please', last, says(last, 'Content-Range')),
    row('The first five, if it is still the same file', changed, says(changed, 'Content-Range')),
    row('Has it changed since?', again, says(again, 'ETag')),
  )
}

function row(question, { response, body, ms }, says) {
  const cells = [
    question,
    marked('b', response.status),
    marked('code', says),
    `${count(body.length)} B`,
    `${ms.toFixed(1)} ms`,
  ]
  const tr = document.createElement('tr')
  tr.append(...cells.map(content => marked('td', content)))
  return tr
}

function marked(tag, content) {
  const node = document.createElement(tag)
  node.append(content)
  return node
}

function count(number) {
  return number.toLocaleString('en')
}

element('resume').textContent = `curl -C - -O ${new URL(FILM, location.href)}`
await showPictures()
await showAnswers()
