/** The subpath entry `sluice/http`: files over HTTP, as handlers for node:http, Express and Connect. */
export type { SendFileResult } from './exchange.js'
export type { Request, Response } from './message.js'
export type { FileOptions, FileStat } from './policy.js'
export { type SendFileOptions, sendFile } from './send-file.js'
export { type StaticHandler, serveStatic } from './serve-static.js'
export type { StaticOptions } from './static-options.js'
