import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Running, serve } from '../support/command.js'
import { without } from '../support/commands.js'
import { repository } from '../support/repository.js'

const CHROMIUM = '/usr/bin/chromium'
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** What the page in these tests sees of its video element. */
interface Film {
  currentTime: number
  readonly duration: number
  readonly videoWidth: number
  readonly videoHeight: number
  readonly error: { message: string } | null
  play(): Promise<void>
  pause(): void
  addEventListener(type: string, listener: () => void, options: { once: true }): void
}

describe('the example page in Chromium', without('chromium'), () => {
  let server: Running & { origin: string }
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  const ranges: { status: number; start: number; bytes: number }[] = []

  before(async () => {
    execFileSync(process.execPath, [join(repository, 'examples', 'make-site.js')])
    server = await serve([join(repository, 'examples', 'site')])
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...sandbox, ...QUIET] })
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(error.message))
    page.on('response', response => {
      const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers()['content-range'] ?? '')
      if (range !== null) {
        ranges.push({ status: response.status(), start: Number(range[1]), bytes: Number(range[2]) })
      }
    })
    await page.goto(server.origin)
  })

  after(async () => {
    await browser?.close()
    await server?.stop()
  })

  test('the picture is decoded', async () => {
    const width = await page.locator('#picture').evaluate(async element => {
      const image = element as unknown as { naturalWidth: number; decode(): Promise<void> }
      await image.decode()
      return image.naturalWidth
    })
    assert.equal(width, 1200)
  })

  test('the film is known before it is fetched', async () => {
    await page.waitForFunction("document.getElementById('film').readyState >= 1")
    const film = await page.locator('#film').evaluate(element => {
      const { duration, videoWidth, videoHeight } = element as unknown as Film
      return { duration, videoWidth, videoHeight }
    })
    assert.deepEqual(film, { duration: 8, videoWidth: 480, videoHeight: 270 })
  })

  test('a jump to near the end is answered with the bytes from there on', async () => {
    await page.locator('#film').evaluate(seekTo, 7.5)
    const far = ranges.filter(({ start, bytes }) => start > 0.75 * bytes && start < bytes - 1_000_000)
    assert.ok(far.length > 0, `no range from the film's last quarter in ${JSON.stringify(ranges)}`)
    assert.ok(ranges.every(({ status }) => status === 206))
  })

  test('the film plays', async () => {
    const film = page.locator('#film')
    await film.evaluate(seekTo, 0)
    await film.evaluate(element => (element as unknown as Film).play())
    await page.waitForFunction("document.getElementById('film').currentTime > 1")
    await film.evaluate(element => (element as unknown as Film).pause())
    assert.equal(await film.evaluate(element => (element as unknown as Film).error), null)
  })

  test('a picture drawn from its range of bytes is the one that the decoder shows', async () => {
    const number = 180
    await page.locator('#slider').fill(String(number))
    await page.waitForFunction("document.getElementById('canvas').dataset.number === '180'")
    await page.locator('#film').evaluate(seekTo, (number - 0.5) / 24)
    assert.match(
      (await page.locator('#exchange').textContent()) ?? '',
      /206 Partial Content\s+Content-Range: bytes \d+-\d+\/\d+/,
    )
    const difference = await page.evaluate<number>(MEAN_DIFFERENCE)
    assert.ok(difference < 3, `the two differ by ${difference} of 255 on average`)
  })

  test('the questions to the server are answered with the right statuses', async () => {
    await page.locator('#answers tr').nth(3).waitFor()
    const statuses = await page.locator('#answers td:nth-child(2)').allInnerTexts()
    assert.deepEqual(statuses, ['200', '206', '206', '304'])
  })

  test('the page looks whole and the console is empty', async () => {
    mkdirSync(join(repository, 'build'), { recursive: true })
    await page.screenshot({ path: join(repository, 'build', 'site.png'), fullPage: true })
    assert.deepEqual(complaints, [])
  })
})

/** Runs in the page, on its video element. */
function seekTo(element: unknown, seconds: number): Promise<void> {
  const film = element as Film
  return new Promise(resolve => {
    film.addEventListener('seeked', resolve, { once: true })
    film.currentTime = seconds
  })
}

/** Runs in the page: how far the film's present picture is from the canvas, on average, in steps of 255. */
const MEAN_DIFFERENCE = `(() => {
  const drawn = document.getElementById('canvas')
  const shown = document.createElement('canvas')
  shown.width = drawn.width
  shown.height = drawn.height
  shown.getContext('2d').drawImage(document.getElementById('film'), 0, 0)
  const [ours, theirs] = [drawn, shown].map(
    canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)
  return ours.reduce((sum, value, index) => sum + Math.abs(value - theirs[index]), 0) / (ours.length * 3 / 4)
})()`
