export { type ErrorCode, SluiceError } from './base/errors.js'
export { GiB, KiB, MiB } from './base/units.js'
