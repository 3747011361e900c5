/** The subpath entry `sluice/server`: a file server of its own, on io_uring or epoll. */

export type { InternetAddress } from '../native/socket-address.js'
export type { CounterName, CounterValues } from './counters.js'
export { type CountersMessage, countersChannel } from './counters-channel.js'
export { createFileServer, type FileServer } from './file-server.js'
export { metricsText, metricsType } from './metrics-text.js'
export type { FileServerOptions } from './options.js'
