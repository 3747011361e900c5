/** Every technique that is looked for, in the order of the report. */
import type { Probe } from './probe.js'
import { afXdp } from './probes/af-xdp.js'
import { copyFileRange } from './probes/copy-file-range.js'
import { dpdk } from './probes/dpdk.js'
import { hugePages } from './probes/huge-pages.js'
import { ioUring } from './probes/io-uring.js'
import { ioUringSendZc } from './probes/io-uring-send-zc.js'
import { ioUringZcrx } from './probes/io-uring-zcrx.js'
import { ktls } from './probes/ktls.js'
import { memfd } from './probes/memfd.js'
import { mmap } from './probes/mmap.js'
import { msgZerocopy } from './probes/msg-zerocopy.js'
import { rdma } from './probes/rdma.js'
import { sendfile } from './probes/sendfile.js'
import { sharedMemory } from './probes/shared-memory.js'
import { splice } from './probes/splice.js'
import { tcpZerocopyReceive } from './probes/tcp-zerocopy-receive.js'
import { tee } from './probes/tee.js'
import { vmsplice } from './probes/vmsplice.js'
import { writev } from './probes/writev.js'

export const probes: readonly Probe[] = [
  sendfile,
  splice,
  tee,
  vmsplice,
  mmap,
  writev,
  msgZerocopy,
  tcpZerocopyReceive,
  copyFileRange,
  ioUring,
  ioUringSendZc,
  ioUringZcrx,
  memfd,
  hugePages,
  sharedMemory,
  afXdp,
  dpdk,
  rdma,
  ktls,
]
