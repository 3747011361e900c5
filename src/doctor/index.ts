/** The subpath `sluice/doctor`. */
export { doctor } from './doctor.js'
export type { DoctorReport, Proof, Status, Technique, TechniqueName, User } from './report.js'
