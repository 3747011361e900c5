/**
 * Files of 4 GiB and a byte, where 32 bits end, by every path that leaves the process: only with SLUICE_LOAD=full. The
 * reader is another process, which counts, and hashes samples. (test/transfer/large.test.ts has the ranges beyond 4 GiB,
 * test/transfer/file-conformance.test.ts the same from file to file.)
 */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { GiB, MiB } from '#sluice/base/units.js'
import { defaultEngine, engineWhy } from '#sluice/engine/default.js'
import type { EngineName } from '#sluice/engine/engine.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, type StreamEnd, socket } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { sparseFile } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'

const length = 4 * GiB + 1
const apartBytes = 64 * MiB
/** Every sample says where it is. */
const sampleBytes = 24
const lastAt = length - sampleBytes
const program = fileURLToPath(new URL('children/sample.js', import.meta.url))
const full = process.env.SLUICE_LOAD === 'full'

export interface LargeRoute {
  readonly to: 'TCP' | 'pipe'
  readonly path: PathName
}

/** Declares them for the engine, which this process then has. */
export function largeFiles(engine: EngineName, skip: string | false, routes: readonly LargeRoute[]): void {
  process.env.SLUICE_ENGINE = engine
  for (const { to, path } of routes) {
    const options = { skip: full ? skip : 'SLUICE_LOAD=full moves 4 GiB' }
    test(`4 GiB and a byte of a file to ${to} by ${path} [${engine}]`, options, async t => {
      assert.equal(defaultEngine()!.name, engine, engineWhy())
      const marks = samples()
      const name = sparseFile(temporaryFolder(t), 'sparse.bin', length, marks)
      const sink = to === 'TCP' ? await throughSocket() : throughPipe()
      t.after(() => sink.reader.kill('SIGKILL'))
      const said = text(sink.reader.stdout)
      const result = await transfer(file(name), sink.to, { prefer: path })
      assert.deepEqual([result.bytes, result.path], [length, path])
      sink.end()
      const hash = createHash('sha256')
      for (const mark of marks) hash.update(mark.text)
      assert.deepEqual(JSON.parse(await said), { bytes: length, hash: hash.digest('hex') })
    })
  }
}

function samples(): { at: number; text: string }[] {
  const all = []
  for (let at = 0; at < lastAt; at += apartBytes) all.push(at)
  return [...all, lastAt].map(at => ({ at, text: `byte ${at} and on`.padEnd(sampleBytes) }))
}

interface Outlet {
  readonly to: StreamEnd
  readonly reader: ChildProcessByStdio<null, Readable, null>
  /** Ends the stream. */
  end(): void
}

async function throughSocket(): Promise<Outlet> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const near = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [far] = (await accepted) as [Socket]
  const reader = startReader(far)
  far.destroy()
  server.close()
  return { to: socket(near), reader, end: () => near.end() }
}

function throughPipe(): Outlet {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  const [readFd, writeFd] = [...ends] as [number, number]
  const reader = startReader(readFd)
  closeSync(readFd)
  return { to: pipe(writeFd), reader, end: () => closeSync(writeFd) }
}

function startReader(stdin: Socket | number): ChildProcessByStdio<null, Readable, null> {
  const given = [apartBytes, sampleBytes, lastAt].map(String)
  const reader = spawn(process.execPath, [program, ...given], { stdio: [stdin, 'pipe', 'inherit'] })
  return reader as ChildProcessByStdio<null, Readable, null>
}
