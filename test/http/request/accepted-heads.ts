/** Heads that are accepted, and what they say. */
import type { OurRequest } from './our-reading.js'

type Accepted = Pick<OurRequest, 'method' | 'target' | 'minor' | 'keepAlive' | 'headers' | 'text'>

const line = 'GET / HTTP/1.1\r\n'
const host = 'Host: a\r\n'

const every: Readonly<Record<string, string>> = {
  connection: 'close',
  range: 'bytes=0-1',
  'if-range': '"r"',
  'if-match': '"m"',
  'if-none-match': '"n"',
  'if-modified-since': 'x',
  'if-unmodified-since': 'y',
  'accept-encoding': 'br',
  expect: '100-continue',
  'content-length': '0',
  'user-agent': 'u',
  referer: 'v',
}

export const acceptedHeads: readonly (Accepted & { what: string })[] = [
  accept('the least of HTTP/1.1', line + host, {}),
  accept(
    'the least of HTTP/1.0, which needs no Host and does not keep the connection',
    'GET / HTTP/1.0\r\n',
    {
      minor: 0,
      keepAlive: false,
      headers: {},
    },
  ),
  accept('HTTP/1.0 with Host', `GET / HTTP/1.0\r\n${host}`, { minor: 0, keepAlive: false }),
  accept('a later minor version, as 1.1 (RFC 9110, 2.5)', `GET / HTTP/1.7\r\n${host}`, {}),
  accept('one empty line before it (RFC 9112, 2.2)', `\r\n${line}${host}`, {}),
  accept('two empty lines before it', `\r\n\r\n${line}${host}`, {}),
  ...['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'].map(method =>
    accept(`the method ${method}`, `${method} / HTTP/1.1\r\n${host}`, { method }),
  ),
  accept('a target with a query and escapes', `GET /a/b%20c?d=e&f HTTP/1.1\r\n${host}`, {
    target: '/a/b%20c?d=e&f',
  }),
  accept('a target as browsers send them', `GET /"<>\\^\`{|}[]#a HTTP/1.1\r\n${host}`, {
    target: '/"<>\\^`{|}[]#a',
  }),
  accept('a target with two slashes', `GET //a/b HTTP/1.1\r\n${host}`, { target: '//a/b' }),
  ...[
    ['http://b/c', 'b'],
    ['HTTP://b:80', 'b:80'],
    ['https://b.example:?q', 'b.example:'],
    ['http://[::1]:80/c', '[::1]:80'],
    ['http://b%41/c@d', 'b%41'],
  ].map(([target, named]) =>
    accept(
      `absolute-form ${target}, whose host goes before Host (RFC 9112, 3.2.2)`,
      `GET ${target} HTTP/1.1\r\n${host}`,
      {
        target: target!,
        headers: { host: named! },
      },
    ),
  ),
  accept('absolute-form in HTTP/1.0 without Host', 'GET http://b/ HTTP/1.0\r\n', {
    target: 'http://b/',
    minor: 0,
    keepAlive: false,
    headers: { host: 'b' },
  }),
  accept('asterisk-form (RFC 9112, 3.2.4)', `OPTIONS * HTTP/1.1\r\n${host}`, {
    method: 'OPTIONS',
    target: '*',
  }),
  ...['a:80', '[::1]:443'].map(target =>
    accept(`authority-form ${target} (RFC 9112, 3.2.3)`, `CONNECT ${target} HTTP/1.1\r\n${host}`, {
      method: 'CONNECT',
      target,
      keepAlive: false,
    }),
  ),
  ...[
    '',
    'a:8080',
    'a:',
    'A-b_c~d.e',
    '127.0.0.1:65535',
    '[2001:db8::1]',
    '[::ffff:1.2.3.4]:1',
    "a%20b!$&'()*+,;=",
  ].map(value => accept(`Host: ${value}`, `${line}Host: ${value}\r\n`, { headers: { host: value } })),
  accept('no space after a colon, and much of it', `${line}Host:a\r\nRange: \t bytes=0-1 \t \r\n`, {
    headers: { host: 'a', range: 'bytes=0-1' },
  }),
  accept('names in letters of any size', `${line}hOsT: a\r\nIF-RANGE: "x"\r\nif-match: *\r\n`, {
    headers: { host: 'a', 'if-range': '"x"', 'if-match': '*' },
  }),
  accept('every field that is looked at', `${line}${host}${linesOf(every)}`, {
    headers: { host: 'a', ...every },
    keepAlive: false,
  }),
  accept(
    'names that are nearly those of fields',
    `${line}${host}Hos: b\r\nHostt: b\r\nHosu: b\r\nRangf: c\r\nAccept: d\r\n`,
    {},
  ),
  accept('an empty value', `${line}${host}Accept-Encoding:\r\nX:\r\n`, {
    headers: { host: 'a', 'accept-encoding': '' },
  }),
  accept('bytes beyond ASCII in a value (RFC 9110, 5.5)', `${line}${host}Referer: \x80\xff\r\n`, {
    headers: { host: 'a', referer: '\x80\xff' },
  }),
  accept('the expectation that is known (RFC 9110, 10.1.1)', `${line}${host}Expect: 100-Continue\r\n`, {
    headers: { host: 'a', expect: '100-Continue' },
  }),
  ...[
    ['close', false],
    ['Close', false],
    ['keep-alive', true],
    ['a, b ,close', false],
    ['close\t,\ta', false],
    ['keep-alive, close', false],
    [',, ,', true],
    ['closed', true],
    ['close;a', true],
    ['upgrade', true],
    ['', true],
  ].map(([value, keepAlive]) =>
    accept(`Connection: ${value} in HTTP/1.1 (RFC 9112, 9.3)`, `${line}${host}Connection: ${value}\r\n`, {
      keepAlive: keepAlive as boolean,
      headers: { host: 'a', connection: value as string },
    }),
  ),
  ...[
    ['close', false],
    ['keep-alive', true],
    ['Keep-Alive, a', true],
    ['keep-alive, close', false],
  ].map(([value, keepAlive]) =>
    accept(
      `Connection: ${value} in HTTP/1.0 (RFC 9112, 9.3)`,
      `GET / HTTP/1.0\r\n${host}Connection: ${value}\r\n`,
      {
        minor: 0,
        keepAlive: keepAlive as boolean,
        headers: { host: 'a', connection: value as string },
      },
    ),
  ),
  accept('Connection on two lines', `${line}${host}Connection: a\r\nConnection: close\r\n`, {
    keepAlive: false,
    headers: { host: 'a', connection: 'a, close' },
  }),
  accept('no content that is announced', `${line}${host}Content-Length: 0\r\n`, {
    headers: { host: 'a', 'content-length': '0' },
  }),
  accept(
    'content that is not read, after which nothing is',
    `POST / HTTP/1.1\r\n${host}Content-Length: 12\r\n`,
    {
      method: 'POST',
      keepAlive: false,
      headers: { host: 'a', 'content-length': '12' },
    },
  ),
  accept('a bomb of a value', `${line}${host}X: ${'y'.repeat(15_000)}\r\n`, {}),
]

/** A head is accepted; it is as the least one but for what is said. */
function accept(what: string, lines: string, different: Partial<Omit<Accepted, 'text'>>) {
  const usual = { method: 'GET', target: '/', minor: 1, keepAlive: true, headers: { host: 'a' } }
  return { what, text: `${lines}\r\n`, ...usual, ...different }
}

function linesOf(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
