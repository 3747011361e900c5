/** Prints the doctor's report as JSON. */
import { doctor } from '#sluice/doctor/doctor.js'

process.stdout.write(JSON.stringify(await doctor()))
