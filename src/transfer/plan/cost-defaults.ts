/**
 * The built-in figures, used until `sluice doctor --measure` has stored its own, and by that for as long as it has seen
 * little: Linux 6.18 on two processors of a virtual machine, Node 20, loopback and ext4, by `npm run bench -- paths`.
 * They say which path is cheaper, less what it costs on yours. What differed by less than 8 % was made equal, so that the
 * order of the paths decides there.
 */
import { KiB, MiB } from '../../base/units.js'
import type { Costs, Measured, PathCosts } from './costs.js'

const sizes = [256, 4 * KiB, 64 * KiB, 1 * MiB, 64 * MiB] as const

/** Microseconds for a transfer of each of the sizes. */
type Figures = readonly [number, number, number, number, number]

function costs(paths: { readonly [Path in keyof PathCosts]?: Figures }): PathCosts {
  const inNs = (figures: Figures) => figures.map((us, i): Measured => [sizes[i]!, us * 1000])
  return Object.fromEntries(Object.entries(paths).map(([path, figures]) => [path, inNs(figures)]))
}

export const builtInCosts: Costs = {
  'file → tcp': costs({
    sendfile: [33, 33, 38, 180, 8800],
    splice: [33, 33, 38, 180, 14000],
    copy: [110, 110, 170, 810, 34000],
  }),
  'file → unix': costs({
    sendfile: [24, 25, 26, 140, 7300],
    splice: [26, 28, 29, 130, 6600],
    copy: [110, 110, 150, 710, 36000],
  }),
  'file → pipe': costs({
    sendfile: [33, 33, 35, 250, 12000],
    splice: [33, 33, 35, 250, 12000],
    copy: [160, 190, 230, 1000, 46000],
  }),
  'file → file': costs({
    copy_file_range: [270, 270, 280, 640, 21000],
    sendfile: [270, 270, 280, 640, 21000],
    copy: [350, 350, 400, 1300, 69000],
  }),
  'socket → socket': costs({
    splice: [46, 46, 70, 560, 21000],
    copy: [110, 110, 240, 1900, 110000],
  }),
  'socket → pipe': costs({
    splice: [41, 44, 71, 560, 29000],
    copy: [240, 280, 310, 3200, 140000],
  }),
  'pipe → socket': costs({
    splice: [45, 45, 48, 650, 50000],
    copy: [140, 140, 230, 1500, 80000],
  }),
  'pipe → pipe': costs({
    splice: [27, 27, 55, 450, 23000],
    copy: [130, 130, 190, 1700, 110000],
  }),
  'socket → file': costs({
    splice: [430, 500, 520, 1500, 59000],
    copy: [430, 500, 560, 3000, 170000],
  }),
  'pipe → file': costs({
    splice: [350, 350, 380, 1300, 63000],
    copy: [470, 470, 520, 2100, 100000],
  }),
  'memory → tcp': costs({
    writev: [13, 13, 17, 180, 17000],
    vmsplice: [36, 36, 130, 1300, 54000],
    sendfile: [30, 30, 150, 1300, 64000],
    copy: [16, 16, 38, 240, 64000],
  }),
  'memory → unix': costs({
    writev: [7.9, 7.9, 14, 160, 9400],
    vmsplice: [37, 37, 76, 940, 48000],
    sendfile: [28, 46, 120, 1000, 61000],
    copy: [12, 12, 25, 250, 56000],
  }),
  'memory → pipe': costs({
    writev: [13, 16, 33, 560, 31000],
    vmsplice: [34, 39, 100, 1200, 62000],
    sendfile: [46, 46, 120, 1200, 94000],
    copy: [170, 170, 170, 1200, 120000],
  }),
  'memory → file': costs({
    writev: [220, 220, 250, 540, 20000],
    sendfile: [220, 220, 250, 680, 29000],
    copy: [300, 300, 310, 1100, 64000],
  }),
  'region → tcp': costs({
    writev: [10, 10, 14, 150, 12000],
    vmsplice: [12, 12, 14, 150, 12000],
    sendfile: [13, 13, 19, 170, 14000],
    copy: [14, 14, 77, 550, 33000],
  }),
  'region → unix': costs({
    writev: [6.6, 7, 13, 120, 9000],
    vmsplice: [8.1, 8.1, 11, 93, 5900],
    sendfile: [8.1, 8.1, 13, 150, 11000],
    copy: [9.7, 11, 32, 380, 33000],
  }),
  'region → pipe': costs({
    writev: [13, 13, 37, 530, 29000],
    vmsplice: [13, 13, 24, 310, 24000],
    sendfile: [14, 17, 27, 310, 29000],
    copy: [120, 120, 170, 1500, 120000],
  }),
  'file → several': costs({
    tee: [100, 100, 140, 520, 46000],
    copy: [140, 140, 200, 1400, 97000],
  }),
  'socket → several': costs({
    tee: [91, 91, 140, 800, 62000],
    copy: [180, 200, 290, 2900, 150000],
  }),
  'pipe → several': costs({
    tee: [66, 83, 120, 930, 60000],
    copy: [180, 270, 310, 2400, 120000],
  }),
}
