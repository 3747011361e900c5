/** How a directory's list looks. Names are data of strangers: each goes through an escape on its way into the page. */
import { createHash } from 'node:crypto'
import { GiB, KiB, MiB } from '../base/units.js'
import { toDisplayName, toUrlPath } from './byte-name.js'

export interface ListingEntry {
  /** A byte string. */
  readonly name: string
  readonly isDirectory: boolean
  /** Bytes. */
  readonly size: number
  readonly mtimeMs: number
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse }
td { padding: .3rem .5rem; border-top: 1px solid #8883 }
td:first-child { overflow-wrap: anywhere }
td + td { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; opacity: .7 }
tr:hover { background: #8881 }
a { color: light-dark(#0a58ca, #7ab7ff); text-decoration: none }
a:hover { text-decoration: underline }
`

/** Nothing but this style sheet may take effect on the page, whatever is in a name. */
export const listingPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const order = new Intl.Collator('en', { numeric: true })

/** The page for the directory `name`, a byte string; `complete` is false where it has more entries than these. */
export function renderListing(name: string, entries: readonly ListingEntry[], complete: boolean): string {
  const title = `/${name === '' ? '' : `${toDisplayName(name)}/`}`
  const rows = entries
    .map(entry => ({ ...entry, shown: toDisplayName(entry.name) }))
    .sort((a, b) => Number(b.isDirectory) - Number(a.isDirectory) || order.compare(a.shown, b.shown))
    .map(renderRow)
  if (name !== '') rows.unshift('<tr><td><a href="../">../</a><td><td>')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<h1><bdi>${escapeHtml(title)}</bdi></h1>
<table>
${rows.join('\n')}
</table>
${complete ? '' : `<p>There is more: only ${entries.length} entries are shown.</p>\n`}`
}

function renderRow(entry: ListingEntry & { shown: string }): string {
  const slash = entry.isDirectory ? '/' : ''
  // "./" keeps a colon in the name from making a scheme of what is before it.
  const link = escapeHtml(`./${toUrlPath(entry.name)}${slash}`)
  const size = entry.isDirectory ? '' : formatBytes(entry.size)
  return (
    `<tr><td><a href="${link}"><bdi>${escapeHtml(entry.shown)}${slash}</bdi></a>` +
    `<td>${size}<td>${formatTime(entry.mtimeMs)}`
  )
}

function formatBytes(bytes: number): string {
  for (const [unit, name] of [
    [GiB, 'GiB'],
    [MiB, 'MiB'],
    [KiB, 'KiB'],
  ] as const) {
    if (bytes >= unit) return `${(bytes / unit).toFixed(1)} ${name}`
  }
  return `${bytes} B`
}

function formatTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 16).replace('T', ' ')
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, character => escapes[character]!)
      // Characters that move the cursor have no business on a page.
      .replace(/\p{Cc}/gu, '\ufffd')
  )
}
