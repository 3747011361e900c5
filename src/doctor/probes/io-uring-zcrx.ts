/**
 * IORING_REGISTER_ZCRX_IFQ: a NIC's queue that receives into the program's memory. To take a real queue would
 * disturb its interface, so one is asked for that no NIC has: a driver that can lend none refuses before that.
 */
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { listNames, readText } from '../files.js'
import type { Finding, Probe } from '../probe.js'
import { attempt } from '../refusal.js'
import { Structure } from '../structure.js'
import type { Workbench } from '../workbench.js'

/** struct io_uring_params, io_uring_zcrx_ifq_reg, io_uring_zcrx_area_reg and io_uring_region_desc, in bytes. */
const params = { bytes: 120, flags: 8 }
const queueRequest = { bytes: 96, interface: 0, queue: 4, entries: 8, area: 16, region: 24 }
const areaRequest = { bytes: 48, address: 0, length: 8 }
const regionRequest = { bytes: 64, length: 8 }

const noInterface = 0
const noQueue = 0x7fffffff
const queueEntries = 8
const areaPages = 4
const networkInterfaces = '/sys/class/net'

/** How the request is named where it is refused. */
const request = 'io_uring_register(ZCRX_IFQ)'
const kernel = 'Linux 6.15 or later, with CONFIG_IO_URING_ZCRX'

export const ioUringZcrx: Probe = {
  name: 'io_uring_zcrx',
  needs: { kernel, capability: { name: 'CAP_NET_ADMIN', call: request }, locksMemory: true },
  examine: bench => {
    const ask = openAsker(bench)
    const known = ask(noInterface)
    // Only a kernel that knows the request comes as far as looking for the interface.
    if (known === -constants.errno.EINVAL) {
      return {
        status: 'missing',
        reason: 'this kernel does not know the request (EINVAL)',
        remedy: `use ${kernel}`,
      }
    }
    if (known !== -constants.errno.ENODEV) attempt(request, known)
    const nics = listNics()
    const lending = nics.filter(nic => ask(interfaceIndex(nic)) !== -constants.errno.EOPNOTSUPP)
    return conclude(nics, lending)
  },
}

/** A function that asks an interface, by its index, for a queue that it does not have. @throws Refusal */
function openAsker(bench: Workbench): (interfaceIndex: number) => number {
  const { native } = bench
  const ring = bench.own('io_uring_setup', native.ioUringSetup(queueEntries, ringParams(bench)))
  const areaBytes = areaPages * native.PAGE_BYTES
  const memory = bench.map(
    bench.memfd(new Uint8Array(areaBytes)),
    0,
    areaBytes,
    native.PROT_READ | native.PROT_WRITE,
  )
  const area = new Structure(areaRequest.bytes)
  area.set64(areaRequest.address, native.addressOf(memory))
  area.set64(areaRequest.length, areaBytes)
  const region = new Structure(regionRequest.bytes)
  region.set64(regionRequest.length, native.PAGE_BYTES)
  return interfaceIndex => {
    const queue = new Structure(queueRequest.bytes)
    queue.set32(queueRequest.interface, interfaceIndex)
    queue.set32(queueRequest.queue, noQueue)
    queue.set32(queueRequest.entries, queueEntries)
    queue.set64(queueRequest.area, native.addressOf(area.bytes))
    queue.set64(queueRequest.region, native.addressOf(region.bytes))
    return native.ioUringRegister(ring, native.IORING_REGISTER_ZCRX_IFQ, queue.bytes, 1)
  }
}

/** What the kernel demands of a ring that receives so. */
function ringParams({ native }: Workbench): Uint8Array {
  const request = new Structure(params.bytes)
  request.set32(
    params.flags,
    native.IORING_SETUP_CQE32 | native.IORING_SETUP_SINGLE_ISSUER | native.IORING_SETUP_DEFER_TASKRUN,
  )
  return request.bytes
}

/** Interfaces with a device behind them. */
function listNics(): string[] {
  return listNames(networkInterfaces).filter(name => existsSync(`${networkInterfaces}/${name}/device`))
}

function interfaceIndex(name: string): number {
  return Number(readText(`${networkInterfaces}/${name}/ifindex`))
}

function conclude(nics: readonly string[], lending: readonly string[]): Finding {
  if (lending.length > 0) {
    return {
      status: 'limited',
      reason: `the driver of ${lending.join(', ')} may lend a queue; none was taken, which would disturb the interface`,
      remedy: `as root: ethtool -G ${lending[0]} tcp-data-split on, and steer the flows to a queue of their own`,
    }
  }
  return {
    status: 'missing',
    reason:
      nics.length === 0
        ? 'the kernel has it, but there is no NIC'
        : `the kernel has it, but the driver of ${nics.join(', ')} can lend no queue (EOPNOTSUPP)`,
    remedy: 'use a NIC whose driver can (such as bnxt, fbnic, gve, mlx5), not a virtual one',
  }
}
