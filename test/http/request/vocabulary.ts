/** What the heads at random are made of: in every place what is usual, and what has ever been a trick. */

export const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT']
export const oddMethods = ['get', 'GETT', 'PROPFIND', 'M-SEARCH', 'PRI', 'G\tET', '', 'GE(T', 'A'.repeat(40)]

export const targets = [
  '/',
  '/a.txt',
  '/a/b%20c?d=e&f',
  '/?',
  '//a',
  '/a#b',
  '/"<>\\^`{|}',
  '*',
  'a:80',
  '[::1]:80',
]
export const absolutes = [
  'http://a/b',
  'HTTP://a:80',
  'https://a?b',
  'http://[::1]:8080/',
  'http://a#b',
  'http://a%41/',
]
export const oddTargets = [
  ...[
    '',
    'a',
    'a:',
    'a:99999',
    'http://',
    'http:///a',
    'http://u@a/',
    'http://a b/',
    'ftp://a/',
    '/\xe9',
    '/\x01',
  ],
  ...['/\x7f', '/ a', '/\t', '/\0', 'http:/a', 'http://a:/', 'http://:80/', '**', '/'.repeat(9000)],
]

export const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0']
export const oddVersions = [
  ...['HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/3.1', 'http/1.1', 'HTTP/1', 'HTTP/1.', 'HTTP/11'],
  ...['HTTP/1.10', 'HTTP/01.1', 'HTTP/1,1', 'HTTP /1.1', 'HTTP/1.1 ', 'ICE/1.0', 'HTTP/1.x', ''],
]

export const hosts = ['a', 'example.com:8080', '', '127.0.0.1', '[::1]:80', 'a:', 'a%20b', 'A_b~c']
export const oddHosts = [
  'a b',
  'u@a',
  'a:x',
  'a:70000',
  '[::1',
  '[::x]',
  'a/b',
  '\xe9',
  'a,b',
  ':80',
  'a%2',
  '[v1.a]',
]

export const values: Readonly<Record<string, readonly string[]>> = {
  Connection: [
    'close',
    'keep-alive',
    'Keep-Alive',
    'CLOSE',
    'upgrade',
    'te, close',
    'close, keep-alive',
    ',',
    'closed',
  ],
  'Content-Length': ['0', '0', '00', '5'],
  Expect: ['100-continue', '100-Continue'],
  Range: ['bytes=0-1', 'bytes=-5', 'items=1', 'bytes=0-0, 5-6', ''],
  'If-Range': ['"a"', 'W/"a"', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  'If-Match': ['*', '"a"', '"a", "b"', '"\xff"'],
  'If-None-Match': ['*', '"a"', 'W/"a",W/"b"', ' , "a"'],
  'If-Modified-Since': ['Sun, 06 Nov 1994 08:49:37 GMT', 'x'],
  'If-Unmodified-Since': ['Sun, 06 Nov 1994 08:49:37 GMT', 'x'],
  'Accept-Encoding': ['gzip, br;q=0.5', '', 'identity', '*;q=0'],
  'User-Agent': ['curl/8', 'Mozilla/5.0 (X11; Linux x86_64)', '\xa0a\xa0'],
  Referer: ['http://a/b', ''],
  Upgrade: ['websocket', 'h2c'],
  'X-Other': ['a', '\ta\t', 'a\tb', '\x80\xff', 'a: b', '"'],
  Accepx: ['*/*'],
}
export const names = Object.keys(values)
export const oddValues: Readonly<Record<string, readonly string[]>> = {
  'Content-Length': [
    '',
    '+1',
    '-1',
    '1,1',
    '1 1',
    '0x1',
    '9'.repeat(15),
    '9'.repeat(25),
    '1e3',
    '0, 0',
    '1_0',
  ],
  'Transfer-Encoding': [
    'chunked',
    'gzip, chunked',
    'identity',
    '',
    'chunked, chunked',
    'xchunked',
    '\vchunked',
  ],
  Expect: ['', '100-continue, a', 'a=b', '100-continue;q'],
}
export const oddNames = Object.keys(oddValues)
export const oddLines = [
  ...[
    ' folded: a',
    '\tb',
    ': a',
    'a b: c',
    'Host : a',
    'X-Other\t: a',
    'a',
    'a(b): c',
    '\xe9: a',
    'a\0: b',
    '\0',
  ],
  ...[
    'X: a\0b',
    'X: a\x01b',
    'X: a\x7fb',
    'X: a\nb',
    'X: a\rb',
    'X: a\r\r',
    '\r',
    'X: a\n\n',
    ':',
    '@: a',
    'Host:\x0ba',
  ],
]

export const ends = ['\n', '\r', '\r\r\n', '\n\r', '\r\n ', '']
export const tricks = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  '\x7f',
  '\x80',
  '\x0b',
  '\x0c',
  'Host: a\r\n',
]
