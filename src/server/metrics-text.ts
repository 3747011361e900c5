/** A server's counters for Prometheus. */
import { type Metric, prometheusText, snakeCase } from '../base/prometheus.js'
import { type CounterName, type CounterValues, counterNames } from './counters.js'

/** What a page of it is sent as. */
export { prometheusType as metricsType } from '../base/prometheus.js'

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
  const counted = counterNames.flatMap((name): Metric[] => {
    if (isAnswers(name)) return []
    const samples = [{ value: values[name] }]
    return [{ name: `sluice_${snakeCase(name)}_total`, help: help[name], type: 'counter', samples }]
  })
  return prometheusText([
    ...counted,
    {
      name: 'sluice_answers_total',
      help: 'Answers by the class of their status.',
      type: 'counter',
      samples: classes.map(status => ({ labels: { status }, value: values[`answers${status}`] })),
    },
    {
      name: 'sluice_connections_open',
      help: 'Connections that are open.',
      type: 'gauge',
      samples: [{ value: values.connections - values.connectionsClosed }],
    },
  ])
}

function isAnswers(name: CounterName): name is `answers${(typeof classes)[number]}` {
  return name.startsWith('answers')
}
