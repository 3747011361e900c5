/**
 * The built-in figures, used until `sluice doctor --measure` has stored its own: Linux 6.18 on two processors of a
 * virtual machine, Node 20, loopback and ext4, the lower of two runs. They say which path is cheaper, less what it costs
 * on yours. What differed by less than 20 % was made equal, so that the order of the paths decides there.
 */
import { KiB, MiB } from '../../base/units.js'
import type { Costs, Measured, PathCosts } from './costs.js'

const sizes = [256, 4 * KiB, 64 * KiB, 1 * MiB, 16 * MiB] as const

/** Microseconds for a transfer of each of the sizes. */
type Figures = readonly [number, number, number, number, number]

function costs(paths: { readonly [Path in keyof PathCosts]?: Figures }): PathCosts {
  const inNs = (figures: Figures) => figures.map((us, i): Measured => [sizes[i]!, us * 1000])
  return Object.fromEntries(Object.entries(paths).map(([path, figures]) => [path, inNs(figures)]))
}

export const builtInCosts: Costs = {
  'file → tcp': costs({
    sendfile: [38, 38, 38, 240, 2700],
    splice: [74, 74, 82, 510, 4600],
    copy: [120, 120, 120, 510, 11000],
  }),
  'file → unix': costs({
    sendfile: [37, 37, 37, 190, 1900],
    splice: [46, 46, 46, 190, 1500],
    copy: [68, 68, 110, 440, 7100],
  }),
  'file → pipe': costs({
    sendfile: [42, 42, 48, 220, 3900],
    splice: [42, 42, 48, 270, 3100],
    copy: [180, 180, 200, 650, 15000],
  }),
  'file → file': costs({
    copy_file_range: [330, 330, 380, 850, 6300],
    sendfile: [470, 480, 480, 850, 9300],
    copy: [590, 590, 640, 1600, 17000],
  }),
  'socket → socket': costs({
    splice: [36, 36, 48, 660, 6200],
    copy: [110, 110, 140, 850, 20000],
  }),
  'socket → pipe': costs({
    splice: [26, 26, 42, 480, 6300],
    copy: [150, 150, 180, 2000, 52000],
  }),
  'pipe → socket': costs({
    splice: [21, 21, 39, 670, 12000],
    copy: [130, 130, 210, 1500, 15000],
  }),
  'pipe → pipe': costs({
    splice: [19, 19, 44, 460, 5100],
    copy: [160, 160, 190, 1300, 30000],
  }),
  'socket → file': costs({
    splice: [590, 590, 600, 1700, 18000],
    copy: [590, 590, 720, 2900, 42000],
  }),
  'pipe → file': costs({
    splice: [440, 440, 530, 1600, 22000],
    copy: [440, 440, 530, 2100, 30000],
  }),
  'memory → tcp': costs({
    writev: [16, 20, 26, 190, 3900],
    vmsplice: [36, 36, 110, 950, 19000],
    sendfile: [50, 61, 89, 1100, 19000],
    copy: [20, 25, 37, 600, 12000],
  }),
  'memory → unix': costs({
    writev: [8.5, 8.5, 20, 270, 3400],
    vmsplice: [23, 23, 91, 790, 12000],
    sendfile: [23, 23, 91, 1000, 21000],
    copy: [15, 15, 25, 620, 5400],
  }),
  'memory → pipe': costs({
    writev: [16, 16, 34, 690, 7600],
    vmsplice: [26, 26, 120, 1100, 13000],
    sendfile: [35, 37, 120, 1100, 24000],
    copy: [100, 100, 120, 1600, 24000],
  }),
  'memory → file': costs({
    writev: [270, 270, 360, 1200, 7200],
    sendfile: [360, 360, 360, 1200, 7200],
    copy: [440, 440, 530, 1500, 39000],
  }),
  'region → tcp': costs({
    writev: [12, 12, 21, 110, 3800],
    vmsplice: [19, 19, 21, 250, 3800],
    sendfile: [19, 19, 32, 250, 3800],
    copy: [19, 19, 32, 350, 5300],
  }),
  'region → unix': costs({
    writev: [8.200000000000001, 8.200000000000001, 19, 260, 3500],
    vmsplice: [11, 11, 19, 140, 2100],
    sendfile: [13, 15, 23, 200, 3500],
    copy: [11, 11, 29, 260, 3500],
  }),
  'region → pipe': costs({
    writev: [13, 13, 60, 470, 5200],
    vmsplice: [13, 13, 18, 280, 3400],
    sendfile: [16, 17, 18, 370, 5200],
    copy: [82, 82, 82, 1100, 24000],
  }),
  'file → several': costs({
    tee: [180, 180, 250, 840, 7500],
    copy: [240, 240, 350, 1300, 17000],
  }),
  'socket → several': costs({
    tee: [64, 64, 150, 590, 7500],
    copy: [160, 160, 230, 1400, 17000],
  }),
  'pipe → several': costs({
    tee: [54, 54, 88, 1100, 8900],
    copy: [190, 190, 200, 2300, 56000],
  }),
}
