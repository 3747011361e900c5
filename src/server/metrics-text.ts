/** Counters in Prometheus' text format, version 0.0.4. */
import { type CounterName, type CounterValues, counterNames } from './counters.js'

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

const classes = ['2xx', '3xx', '4xx', '5xx'] as const

/** What each counter counts. The answers are one metric with a label. */
const help: Record<Exclude<CounterName, `answers${string}`>, string> = {
  connections: 'Connections accepted.',
  connectionsClosed: 'Connections that have ended.',
  connectionsRefused: 'Connections closed at once, as there were too many.',
  requests: 'Requests whose head was complete and correct.',
  bytes: 'Bytes that the kernel took for clients, heads included.',
  fromMemory: 'Answers that left memory in one send.',
  bySendfile: 'Answers whose file was sent by sendfile.',
  copied: 'Bytes that were copied from memory of the process.',
  refusedHeads: 'Heads that were no request.',
  timeouts: 'Connections ended as the client took too long.',
  resets: 'Connections that the client reset.',
  brokenOff: 'Answers that could not be completed.',
  logLinesLost: 'Lines of the access log that could not be written.',
}

/** Every counter as `sluice_…_total`, and the connections that are open now. */
export function metricsText(values: CounterValues): string {
  const lines: string[] = []
  for (const name of counterNames) {
    if (isAnswers(name)) continue
    const metric = `sluice_${snakeCase(name)}_total`
    lines.push(`# HELP ${metric} ${help[name]}`, `# TYPE ${metric} counter`, `${metric} ${values[name]}`)
  }
  lines.push('# HELP sluice_answers_total Answers by the class of their status.')
  lines.push('# TYPE sluice_answers_total counter')
  for (const status of classes)
    lines.push(`sluice_answers_total{status="${status}"} ${values[`answers${status}`]}`)
  lines.push(
    '# HELP sluice_connections_open Connections that are open.',
    '# TYPE sluice_connections_open gauge',
  )
  lines.push(`sluice_connections_open ${values.connections - values.connectionsClosed}`)
  return `${lines.join('\n')}\n`
}

function isAnswers(name: CounterName): name is `answers${(typeof classes)[number]}` {
  return name.startsWith('answers')
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
