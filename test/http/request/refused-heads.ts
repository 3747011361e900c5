/** Heads that are refused, and why. */

const line = 'GET / HTTP/1.1\r\n'
const host = 'Host: a\r\n'

export const refusedHeads = [
  // The line that ends, or does not.
  refuse(
    'a bare LF after the request line (RFC 9112, 2.2)',
    'GET / HTTP/1.1\nHost: a\r\n\r\n',
    400,
    /line feed/,
  ),
  refuse('a bare LF after a field', `${line}Host: a\n\r\n`, 400, /line feed/),
  refuse('a bare LF as the last line', `${line}${host}\n`, 400, /line feed/),
  refuse('a bare LF after a method', 'GET\n', 400, /line feed/),
  refuse('a bare LF after a target', 'GET /\n', 400, /line feed/),
  refuse('a bare LF in a name', `${line}Host\n: a\r\n\r\n`, 400, /line feed/),
  refuse('a bare CR in a value (RFC 9112, 2.2)', `${line}Host: a\rb\r\n\r\n`, 400, /carriage return/),
  refuse('a bare CR at the end of a value', `${line}Host: a\r\r\n\r\n`, 400, /carriage return/),
  refuse('a bare CR after the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n', 400, /carriage return/),
  refuse('a bare CR as the last line', `${line}${host}\rX`, 400, /carriage return/),
  refuse('a bare CR before the request line', `\r${line}${host}\r\n`, 400, /carriage return/),
  refuse('three empty lines before it (RFC 9112, 2.2)', `\r\n\r\n\r\n${line}${host}\r\n`, 400, /empty lines/),
  refuse('an empty line that is a bare LF', `\n${line}${host}\r\n`, 400, /line feed/),
  // The request line.
  ...[' GET', 'G\tT', 'GE(T', '\x16\x03\x01', 'G\xc9T', '\0', ':', ''].map(method =>
    refuse(
      `the method ${JSON.stringify(method)} (RFC 9110, 9.1)`,
      `${method} / HTTP/1.1\r\n${host}\r\n`,
      400,
      /method/,
    ),
  ),
  ...['get', 'GETS', 'PROPFIND', 'M-SEARCH', 'A'.repeat(32), 'A'.repeat(33)].map(method =>
    refuse(`the method ${method} (RFC 9110, 9.1)`, `${method} / HTTP/1.1\r\n${host}\r\n`, 501, /method/),
  ),
  refuse('a long method that ends as none does', `${'A'.repeat(32)}(`, 400, /method/),
  refuse('a method without end', 'A'.repeat(33), 501, /method/),
  ...['/\xe9', '/\x7f', '/\0', '/\x01', '/a\tb', ''].map(target =>
    refuse(
      `the target ${JSON.stringify(target)} (RFC 9112, 3.2)`,
      `GET ${target} HTTP/1.1\r\n${host}\r\n`,
      400,
      /target/,
    ),
  ),
  ...[
    'a',
    '?a',
    '*',
    'a:80',
    'ftp://a/',
    'http:/a',
    'http//a',
    'httpx://a',
    'file:///a',
    '**',
    '\\a',
    'http:',
    'h',
  ].map(target =>
    refuse(`the form of ${target} (RFC 9112, 3.2)`, `GET ${target} HTTP/1.1\r\n${host}\r\n`, 400, /forms/),
  ),
  ...[
    'http://',
    'http:///a',
    'http://u@a/',
    'http://u:p@a/',
    'http://a:x/',
    'http://:80/',
    'https://a:65536/',
    'http://a#b',
  ].map(target =>
    refuse(
      `the host in ${target} (RFC 9110, 4.2)`,
      `GET ${target} HTTP/1.1\r\n${host}\r\n`,
      400,
      /valid host/,
    ),
  ),
  refuse('OPTIONS of two asterisks', `OPTIONS ** HTTP/1.1\r\n${host}\r\n`, 400, /forms/),
  ...['/', '*', 'a', 'a:', ':80', 'a:x', 'a:65536', 'http://a/', 'u@a:80', '[::1]'].map(target =>
    refuse(`CONNECT ${target} (RFC 9110, 9.3.6)`, `CONNECT ${target} HTTP/1.1\r\n${host}\r\n`, 400, /forms/),
  ),
  refuse('HTTP/0.9', 'GET /\r\n', 400, /version/),
  refuse('two spaces before the target', `GET  / HTTP/1.1\r\n${host}\r\n`, 400, /target/),
  refuse('two spaces before the version', `GET /  HTTP/1.1\r\n${host}\r\n`, 400, /version/),
  refuse('space after the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 400, /version/),
  refuse('a tab before the target', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400, /method/),
  refuse('space in a target', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400, /version/),
  ...[
    'http/1.1',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/1.10',
    'HTTP/11.1',
    'HTTP/a.b',
    'HTTP/1.x',
    'HTTP/2',
    'ICAP/1.0',
    'HTTP/1,1',
    'HTTP/-1.1',
  ].map(version =>
    refuse(`the version ${version} (RFC 9112, 2.3)`, `GET / ${version}\r\n${host}\r\n`, 400, /version/),
  ),
  ...['HTTP/0.9', 'HTTP/0.0', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/9.9'].map(version =>
    refuse(`${version} (RFC 9110, 2.5)`, `GET / ${version}\r\n${host}\r\n`, 505, /version/),
  ),
  refuse('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, /version/),
  refuse('a long target (RFC 9112, 3)', `GET /${'a'.repeat(8192)} HTTP/1.1\r\n${host}\r\n`, 414, /long/),
  // Fields.
  refuse('a folded value (RFC 9112, 5.2)', `${line}${host}X: a\r\n b\r\n\r\n`, 400, /space/),
  refuse('a value folded by a tab', `${line}${host}X: a\r\n\tb\r\n\r\n`, 400, /space/),
  refuse('space before the first field (RFC 9112, 2.2)', `${line} Host: a\r\n\r\n`, 400, /space/),
  refuse('space before a colon (RFC 9112, 5.1)', `${line}Host : a\r\n\r\n`, 400, /colon/),
  refuse('a tab before a colon', `${line}${host}X\t: a\r\n\r\n`, 400, /colon/),
  refuse('an empty name (RFC 9110, 5.1)', `${line}${host}: a\r\n\r\n`, 400, /name/),
  refuse('a line without a colon', `${line}${host}X\r\n\r\n`, 400, /name/),
  ...['a(b', 'a/b', '\xe9', 'a\0', '\x7f', '@', '"a"', '[a]', 'a\x0b'].map(name =>
    refuse(
      `the name ${JSON.stringify(name)} (RFC 9110, 5.1)`,
      `${line}${host}${name}: a\r\n\r\n`,
      400,
      /name/,
    ),
  ),
  ...['\0', 'a\0b', '\x01', 'a\x0bb', 'a\x0cb', '\x1b[0m', 'a\x7f', '\x08'].map(value =>
    refuse(
      `the value ${JSON.stringify(value)} (RFC 9110, 5.5)`,
      `${line}${host}X: ${value}\r\n\r\n`,
      400,
      /control/,
    ),
  ),
  refuse(
    'more fields than are read (RFC 6585, 5)',
    `${line}${host}${'X: y\r\n'.repeat(100)}\r\n`,
    431,
    /fields/,
  ),
  refuse(
    'a longer head than is read (RFC 6585, 5)',
    `${line}${host}X: ${'y'.repeat(16_384)}\r\n\r\n`,
    431,
    /head/,
  ),
  ...['Range', 'If-Range', 'If-Modified-Since', 'If-Unmodified-Since'].map(name =>
    refuse(`${name} twice (RFC 9110, 5.3)`, `${line}${host}${name}: a\r\n${name}: a\r\n\r\n`, 400, /twice/),
  ),
  // Host.
  refuse('no Host in HTTP/1.1 (RFC 9112, 3.2)', `${line}X: a\r\n\r\n`, 400, /no Host/),
  refuse('no Host in a later version', 'GET / HTTP/1.3\r\n\r\n', 400, /no Host/),
  refuse('no Host, although the target has one', 'GET http://a/ HTTP/1.1\r\n\r\n', 400, /no Host/),
  refuse('Host twice', `${line}${host}${host}\r\n`, 400, /more than one Host/),
  refuse('Host twice in HTTP/1.0', `GET / HTTP/1.0\r\n${host}HOST: b\r\n\r\n`, 400, /more than one Host/),
  ...[
    'a b',
    'u@a',
    'u:p@a',
    'a:x',
    'a:-1',
    'a:65536',
    'a:999999999999',
    'a:1:2',
    'a/b',
    'a?b',
    'a#b',
    '\xe9',
    ':80',
  ].map(value => refuse(`Host: ${value} (RFC 9110, 7.2)`, `${line}Host: ${value}\r\n\r\n`, 400, /Host is/)),
  ...[
    '[',
    '[]',
    '[::1',
    '[::x]',
    '[1]',
    '[::1]a',
    '[::1]:x',
    '[v1.a]',
    '[fe80::1%25a]',
    '::1',
    'a%2',
    'a%zz',
    'a\\b',
    'a, b',
    '"a"',
  ].map(value => refuse(`Host: ${value} (RFC 3986, 3.2.2)`, `${line}Host: ${value}\r\n\r\n`, 400, /Host is/)),
  // Where the message ends.
  ...['', '+1', '-1', '1.0', '0x1', '1 1', '1,1', '5, 5', 'a', '1a', '\xb2'].map(value =>
    refuse(
      `Content-Length: ${value} (RFC 9112, 6.3)`,
      post(`Content-Length: ${value}\r\n`),
      400,
      /not one number/,
    ),
  ),
  refuse(
    'Content-Length twice, the same',
    post('Content-Length: 0\r\nContent-Length: 0\r\n'),
    400,
    /more than one/,
  ),
  refuse(
    'Content-Length twice, another',
    post('Content-Length: 0\r\nContent-length: 5\r\n'),
    400,
    /more than one/,
  ),
  refuse(
    'a Content-Length that cannot be counted',
    post(`Content-Length: ${'9'.repeat(16)}\r\n`),
    413,
    /too long/,
  ),
  refuse('GET with content (RFC 9110, 9.3.1)', `${line}${host}Content-Length: 1\r\n\r\na`, 400, /no content/),
  refuse('HEAD with content', `HEAD / HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\na`, 400, /no content/),
  ...['chunked', 'gzip, chunked', 'identity', '', 'xchunked', 'chunked, chunked'].map(value =>
    refuse(
      `Transfer-Encoding: ${value} (RFC 9112, 6.1)`,
      post(`Transfer-Encoding: ${value}\r\n`),
      501,
      /coding/,
    ),
  ),
  refuse(
    'Transfer-Encoding and Content-Length (RFC 9112, 6.1)',
    post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'),
    400,
    /both/,
  ),
  refuse(
    'Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1)',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
    /before HTTP/,
  ),
  ...['', 'a', '100-continued', '100-continue, a', '200-ok'].map(value =>
    refuse(
      `Expect: ${value} (RFC 9110, 10.1.1)`,
      `${line}${host}Expect: ${value}\r\n\r\n`,
      417,
      /expectation/,
    ),
  ),
]

function refuse(what: string, text: string, status: number, reason: RegExp) {
  return { what, text, status, reason }
}

function post(fields: string): string {
  return `POST / HTTP/1.1\r\n${host}${fields}\r\n`
}
