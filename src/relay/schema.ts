/** The JSON schema of a proxy's configuration file, from the tables that the options are checked by. */
import { checkNumbers, type NumberOption, proxyNumbers, upstreamNumbers } from './number-options.js'
import { balances, mirrorOfs, mirrorSlows, proxyProtocols } from './options.js'
import { accessRulesMax, nameServersMax, namesMax } from './resolve-options.js'
import { upstreamsMax } from './resolve-upstreams.js'

type Schema = Readonly<Record<string, unknown>>

const target = '(unix:.+|\\[[0-9a-fA-F:.]+\\]:\\d{1,5}|[^:\\[\\]]+:\\d{1,5})'

/** Draft 2020-12. What it accepts may still be refused: that an address is one, or that what belongs together is there. */
export function proxySchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'sluice proxy',
    description: 'The file of `sluice proxy --config`. Times are in milliseconds.',
    ...object({
      $schema: { type: 'string' },
      listen: text('Where to listen: host:port, [IPv6]:port or unix:/path; port 0 for any.', `^${target}$`),
      upstreams: {
        $ref: '#/$defs/upstreams',
        description: 'Where connections go that no name in sni claims.',
      },
      balance: oneOf(balances, 'How an upstream is chosen; round-robin if not given.'),
      sni: {
        type: 'object',
        description: 'Where TLS clients go, by the name that they ask for: a.example.org, or *.example.org.',
        maxProperties: namesMax,
        additionalProperties: { $ref: '#/$defs/upstreams' },
      },
      mirror: {
        description: 'What gets a duplicate of the bytes.',
        anyOf: [
          mirrorTarget,
          object(
            {
              to: mirrorTarget,
              slow: oneOf(mirrorSlows, 'Whether a slow mirror is dropped or waited for; drop if not given.'),
              of: oneOf(mirrorOfs, "The client's bytes, or both sides'; client if not given."),
            },
            ['to'],
          ),
        ],
      },
      proxyProtocol: oneOf(proxyProtocols, 'Where there are PROXY headers; none if not given.'),
      proxyProtocolVersion: { enum: [1, 2], description: 'Which is sent; 1 if not given.' },
      access: {
        type: 'array',
        description:
          'The first rule that matches a client decides; where none does, the opposite of the last.',
        maxItems: accessRulesMax,
        items: { anyOf: ['allow', 'deny'].map(kind => object({ [kind]: clients }, [kind])) },
      },
      check: {
        description: 'Whether upstreams are checked by connecting to them.',
        anyOf: [{ type: 'boolean' }, object(numbers(checkNumbers))],
      },
      nameServers: {
        type: 'array',
        description: "Name servers to ask; the system's if not given.",
        maxItems: nameServersMax,
        items: { type: 'string' },
      },
      ...numbers(proxyNumbers),
    }),
    $defs: {
      upstreams: {
        type: 'array',
        minItems: 1,
        maxItems: upstreamsMax,
        items: { anyOf: [address, object(upstreamProperties, ['address'])] },
      },
    },
  }
}

const address = text(
  'host:port, [IPv6]:port or unix:/path; a name stands for all of its addresses.',
  `^${target}$`,
)
const mirrorTarget = text('tcp:host:port, unix:/path or file:path.', `^(tcp:${target}|unix:.+|file:.+)$`)
const clients = text('An address, address/bits, unix or all.')
const upstreamProperties = {
  address,
  backup: { type: 'boolean', description: 'Used only while no other is up.' },
  ...numbers(upstreamNumbers),
}

function object(properties: Schema, required?: readonly string[]): Schema {
  return { type: 'object', properties, ...(required && { required }), additionalProperties: false }
}

function oneOf(words: readonly string[], description: string): Schema {
  return { enum: words, description }
}

function text(description: string, pattern?: string): Schema {
  return { type: 'string', description, ...(pattern && { pattern }) }
}

function numbers(table: Readonly<Record<string, NumberOption>>): Schema {
  return Object.fromEntries(
    Object.entries(table).map(([name, { min, max, otherwise, says }]) => [
      name,
      {
        type: 'integer',
        description: `${says[0]!.toUpperCase()}${says.slice(1)}.`,
        minimum: min,
        maximum: max,
        default: otherwise,
      },
    ]),
  )
}
