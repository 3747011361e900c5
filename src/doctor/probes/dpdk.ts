/** DPDK: its library, and a network device that the kernel has given away to user space. */
import { listNames } from '../files.js'
import { findLibrary } from '../library.js'
import type { Probe } from '../probe.js'

/** The drivers that hold a device for user space. */
const drivers = ['vfio-pci', 'uio_pci_generic', 'igb_uio']
const bind = 'bind a NIC that nothing else uses, as root: dpdk-devbind.py --bind=vfio-pci ADDRESS'

export const dpdk: Probe = {
  name: 'dpdk',
  needs: { kernel: 'Linux 4.4 or later' },
  examine: () => {
    const library = findLibrary('librte_eal')
    const devices = drivers.flatMap(listDevices)
    if (library === null) {
      return {
        status: 'missing',
        reason: 'DPDK is not installed: no librte_eal.so is to be found',
        remedy: `apt-get install dpdk libdpdk-dev; then ${bind}`,
      }
    }
    if (library.defect !== null) {
      return {
        status: 'missing',
        reason: `${library.name} does not load: ${library.defect}`,
        remedy: 'install what it asks for, or DPDK anew: apt-get install --reinstall dpdk',
      }
    }
    if (devices.length === 0) {
      return {
        status: 'limited',
        reason: `${library.name} loads, but no device is bound for it: it could use virtual ones only`,
        remedy: bind,
      }
    }
    return { status: 'ready', reason: `${library.name} loads, and ${devices.join(', ')} is bound for it` }
  },
}

/** PCI addresses of the devices that a driver holds. */
function listDevices(driver: string): string[] {
  return listNames(`/sys/bus/pci/drivers/${driver}`).filter(name => /^[0-9a-f]{4,}:/.test(name))
}
