/** The page that lists a directory: read, and bounded. What cannot be asked for is not on it. */
import { type Dir, opendir } from 'node:fs'
import { promisify } from 'node:util'
import { isHidden, toSystemName } from './byte-name.js'
import { type ListingEntry, listingPolicy, renderListing } from './listing-page.js'
import type { NamedRoot } from './named-root.js'
import { errnoOf, type Opened } from './opened.js'
import { errnoReply, type Reply } from './reply.js'

/** A page has at most so many entries; it says so where there are more. */
export const listingEntriesMax = 1000

const opendirAsync = promisify(opendir) as (
  path: string | Buffer,
  options: { encoding: BufferEncoding },
) => Promise<Dir>

export interface ListingOptions {
  /** The directory's name, a byte string. */
  name: string
  /** Whether names that begin with a dot are listed. */
  dotfiles: boolean
}

/** Takes over the directory → the answer with its list. */
export async function listingReply(
  root: NamedRoot,
  directory: Opened,
  { name, dotfiles }: ListingOptions,
): Promise<Reply> {
  let page: Buffer
  try {
    const names = await readNames(root.readablePath(directory, name), name, dotfiles)
    const complete = names.length <= listingEntriesMax
    const entries = await lookAt(root, name, names.slice(0, listingEntriesMax))
    page = Buffer.from(renderListing(name, entries, complete))
  } catch (error) {
    return errnoReply(errnoOf(error))
  } finally {
    directory.close()
  }
  const lines = [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Length',
    String(page.length),
    'Cache-Control',
    'no-cache',
    'Content-Security-Policy',
    listingPolicy,
    'X-Content-Type-Options',
    'nosniff',
  ]
  return { status: 200, lines, body: page, forgets: 'file', error: null }
}

/** The names in the directory that a URL can ask for, as byte strings: one more than fit, where there are more. */
async function readNames(path: string, name: string, dotfiles: boolean): Promise<string[]> {
  const names: string[] = []
  const directory = await opendirAsync(toSystemName(path), { encoding: 'latin1' })
  for await (const entry of directory) {
    if (entry.name.includes('\\') || (!dotfiles && isHidden(below(name, entry.name)))) continue
    names.push(entry.name)
    if (names.length > listingEntriesMax) break
  }
  return names
}

/** What of these would be served, found out by the same means. */
async function lookAt(
  root: NamedRoot,
  directoryName: string,
  names: readonly string[],
): Promise<ListingEntry[]> {
  const entries: ListingEntry[] = []
  for (const name of names) {
    const found = await root.open(below(directoryName, name), 'look')
    if (typeof found === 'number') continue
    const { isDirectory, size, mtimeMs } = found
    found.close()
    entries.push({ name, isDirectory, size, mtimeMs })
  }
  return entries
}

function below(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
