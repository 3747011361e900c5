/** A name server of a test's own (RFC 1035): A and AAAA of names, with a time to live. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Ending } from '../support/sockets.js'

const A = 1
const AAAA = 28
const NO_SUCH_NAME = 3
const REFUSED = 5

export interface NameRecords {
  A?: readonly string[]
  AAAA?: readonly string[]
  /** Seconds. */
  ttl: number
}

export interface NameServer {
  /** As options write it. */
  readonly address: string
  /** What it knows, to be changed at will. */
  readonly names: Map<string, NameRecords>
  /** Questions so far. */
  asked: number
  /** Answers nothing sensible any more. */
  refuses: boolean
}

export async function nameServer(t: Ending, names: Record<string, NameRecords> = {}): Promise<NameServer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  const server = {
    address: `127.0.0.1:${socket.address().port}`,
    names: new Map(Object.entries(names)),
    asked: 0,
    refuses: false,
  }
  socket.on('message', (question, { port, address }) => {
    server.asked++
    socket.send(answerTo(question, server), port, address)
  })
  return server
}

function answerTo(question: Buffer, { names, refuses }: Pick<NameServer, 'names' | 'refuses'>): Buffer {
  const { name, end } = readName(question)
  const type = question.readUInt16BE(end)
  const known = names.get(name.toLowerCase())
  const addresses = (type === A ? known?.A : type === AAAA ? known?.AAAA : []) ?? []
  const records = addresses.map(address => record(type, known!.ttl, address))
  const head = Buffer.alloc(12)
  question.copy(head, 0, 0, 2)
  const outcome = refuses ? REFUSED : known === undefined ? NO_SUCH_NAME : 0
  head.writeUInt16BE(0x8180 | outcome, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(outcome === 0 ? records.length : 0, 6)
  return Buffer.concat([head, question.subarray(12, end + 4), ...(outcome === 0 ? records : [])])
}

function readName(question: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  while (question[at] !== 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!))
    at += 1 + question[at]!
  }
  return { name: labels.join('.'), end: at + 1 }
}

function record(type: number, ttl: number, address: string): Buffer {
  const data =
    type === A
      ? Buffer.from(address.split('.').map(Number))
      : // Written in full in these tests.
        Buffer.from(
          address
            .split(':')
            .map(word => word.padStart(4, '0'))
            .join(''),
          'hex',
        )
  const head = Buffer.alloc(12)
  // The name is that of the question.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
