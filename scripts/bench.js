// The benchmark's entry: builds what it needs, then hands over to bench/main.ts.
//   npm run bench -- http-file [options]     --help lists them
//   npm run bench:setup                      brings the servers to compare with
import { build } from './build.js'

build({ dev: true })
const { main } = await import('../build/dev/bench/main.js')
process.exitCode = await main(process.argv.slice(2))
