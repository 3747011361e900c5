/** RDMA: libfabric, and a device whose port is up and whose verbs this process may use. */
import { accessSync, constants } from 'node:fs'
import { listNames, readText } from '../files.js'
import { findLibrary, type Library } from '../library.js'
import type { Finding, Probe } from '../probe.js'

const devices = '/sys/class/infiniband'
const verbs = '/dev/infiniband'
const withoutHardware = 'to try it without hardware, as root: rdma link add rxe0 type rxe netdev INTERFACE'

export const rdma: Probe = {
  name: 'rdma',
  needs: { kernel: 'Linux 2.6.11 or later, with CONFIG_INFINIBAND' },
  examine: () => {
    const library = findLibrary('libfabric')
    const names = listNames(devices)
    if (library === null || library.defect !== null) return withoutLibrary(library, names)
    if (names.length === 0) {
      return {
        status: 'limited',
        reason: `${library.name} loads, but there is no RDMA device: only its tcp and shm providers work`,
        remedy: `use an RDMA NIC; ${withoutHardware}`,
      }
    }
    return withDevices(library, names)
  },
}

function withoutLibrary(library: Library | null, names: readonly string[]): Finding {
  const found = names.length === 0 ? 'and there is no RDMA device' : `although ${names.join(', ')} is there`
  const reason =
    library === null ? 'libfabric is not installed' : `${library.name} does not load (${library.defect})`
  return {
    status: 'missing',
    reason: `${reason}, ${found}`,
    remedy: `apt-get install libfabric-dev rdma-core${names.length === 0 ? `; ${withoutHardware}` : ''}`,
  }
}

function withDevices(library: Library, names: readonly string[]): Finding {
  const up = names.filter(isUp)
  if (up.length === 0) {
    return {
      status: 'limited',
      reason: `no port of ${names.join(', ')} is active`,
      remedy: 'look at the link, and for InfiniBand whether a subnet manager runs (rdma link show)',
    }
  }
  if (!listNames(verbs).some(name => name.startsWith('uverbs') && isUsable(`${verbs}/${name}`))) {
    return {
      status: 'limited',
      reason: `${up.join(', ')} is up, but this process may use no device of ${verbs}`,
      remedy: `modprobe ib_uverbs as root; in a container: docker run --device ${verbs} --ulimit memlock=-1`,
    }
  }
  return { status: 'ready', reason: `${library.name} loads, and ${up.join(', ')} is up` }
}

function isUp(name: string): boolean {
  const ports = `${devices}/${name}/ports`
  return listNames(ports).some(port => readText(`${ports}/${port}/state`).includes('ACTIVE'))
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}
