import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentTypeOf } from '#sluice/http/content-type.js'

for (const [name, type] of [
  ['index.html', 'text/html; charset=utf-8'],
  ['a/b/app.JS', 'text/javascript; charset=utf-8'],
  ['app.mjs', 'text/javascript; charset=utf-8'],
  ['style.css', 'text/css; charset=utf-8'],
  ['data.json', 'application/json; charset=utf-8'],
  ['a.svg', 'image/svg+xml'],
  ['a.png', 'image/png'],
  ['a.webp', 'image/webp'],
  ['a.avif', 'image/avif'],
  ['a.woff2', 'font/woff2'],
  ['a.wasm', 'application/wasm'],
  ['a.mp4', 'video/mp4'],
  ['a.tar.gz', 'application/gzip'],
  ['README', 'application/octet-stream'],
  ['.html', 'application/octet-stream'],
  ['a/.html', 'application/octet-stream'],
  ['.hidden.html', 'text/html; charset=utf-8'],
  ['a.html/b', 'application/octet-stream'],
  ['a.', 'application/octet-stream'],
  ['', 'application/octet-stream'],
  ['a.unknown-extension', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
  ['a.__proto__', 'application/octet-stream'],
  ['a.text/html', 'application/octet-stream'],
  ['\xff.txt', 'text/plain; charset=utf-8'],
] as const) {
  test(`${JSON.stringify(name)} is ${type}`, () => assert.equal(contentTypeOf(name), type))
}
