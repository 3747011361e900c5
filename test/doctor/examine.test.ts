import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { examine } from '#sluice/doctor/examine.js'
import { readText } from '#sluice/doctor/files.js'
import type { Probe } from '#sluice/doctor/probe.js'
import { Refusal } from '#sluice/doctor/refusal.js'
import type { Technique } from '#sluice/doctor/report.js'
import { lookAround } from '#sluice/doctor/surroundings.js'
import { probes } from '#sluice/doctor/techniques.js'
import { native } from '#sluice/native/load.js'

// A temporary folder of its own, in which nobody else leaves anything.
const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
after(() => rmSync(folder, { recursive: true }))
process.env.TMPDIR = folder

const needsAddon = { skip: native === null && 'there is no addon' }

test('trying everything leaves no descriptor, mapping or file behind', needsAddon, async () => {
  await examineAll()
  const before = leftovers()
  await examineAll()
  assert.deepEqual(leftovers(), before)
})

test('a try that throws is reported, and what it had made is closed', needsAddon, async () => {
  const before = leftovers()
  const { status, reason, remedy } = await examineWith(async bench => {
    await bench.connectTcp()
    bench.pipe()
    bench.map(bench.memfd(new Uint8Array(4096)), 0, 4096, bench.native.PROT_READ)
    throw new Error('out of the ordinary')
  })
  assert.equal(status, 'missing')
  assert.match(reason, /out of the ordinary/)
  assert.notEqual(remedy, null)
  assert.deepEqual(leftovers(), before)
})

test('a refused system call is explained', needsAddon, async () => {
  const { reason } = await examineWith(() => {
    throw new Refusal('pipe2', -constants.errno.EMFILE)
  })
  assert.match(reason, /pipe2 failed with EMFILE: this process's descriptors are used up/)
})

test('what never comes is waited for a bounded time', needsAddon, async () => {
  const { reason } = await examineWith(async bench => {
    const { receiver } = await bench.connectTcp()
    await bench.receive(receiver, 1)
    return { status: 'ready', reason: 'a byte came from nowhere' }
  })
  assert.match(reason, /recv failed with ETIMEDOUT/)
})

test('without descriptors every technique still has an answer', needsAddon, () => {
  const program = fileURLToPath(new URL('children/starved.js', import.meta.url))
  const text = execFileSync('sh', ['-c', 'ulimit -n 128; exec "$@"', 'sh', process.execPath, program], {
    encoding: 'utf8',
  })
  const techniques = JSON.parse(text) as Technique[]
  assert.equal(techniques.length, probes.length)
  const { reason, remedy } = techniques.find(({ name }) => name === 'sendfile')!
  assert.match(reason, /EMFILE: this process's descriptors are used up/)
  assert.match(remedy ?? '', /ulimit -n/)
})

test('no interface, huge page or setting is changed', needsAddon, async () => {
  const before = settings()
  await examineAll()
  assert.deepEqual(settings(), before)
})

async function examineAll() {
  const techniques = []
  for (const probe of probes) techniques.push(await examine(probe, native!, lookAround()))
  return techniques
}

function examineWith(examineProbe: Probe['examine']) {
  return examine(
    { name: 'tee', needs: { kernel: 'any Linux' }, examine: examineProbe },
    native!,
    lookAround(),
  )
}

function leftovers() {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter(line => /sluice-doctor|io_uring|socket:/.test(line)),
    files: readdirSync(folder),
  }
}

function settings() {
  const interfaces = readdirSync('/sys/class/net')
  return {
    flags: interfaces.map(name => [name, readText(`/sys/class/net/${name}/flags`)]),
    hugePages: readText('/proc/sys/vm/nr_hugepages'),
    uringDisabled: readText('/proc/sys/kernel/io_uring_disabled'),
    pipes: readText('/proc/sys/fs/pipe-max-size'),
  }
}
