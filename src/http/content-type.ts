/** Content-Type by a name's extension, from the mime-db that mime-types carries. */
import mime from 'mime-types'

const unknownType = 'application/octet-stream'
/** By lower-case extension. Only extensions that mime-db knows get in, so it cannot outgrow mime-db. */
const known = new Map<string, string>()

/** The type of the file with this name, with its charset where text has one. */
export function contentTypeOf(name: string): string {
  const extension = extensionOf(name)
  if (extension === '') return unknownType
  const type = known.get(extension) ?? mime.contentType(extension)
  if (type === false) return unknownType
  known.set(extension, type)
  return type
}

/** What follows the last dot of the last part, in lower case; a leading dot hides a name and begins no extension. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot > name.lastIndexOf('/') + 1 ? name.slice(dot + 1).toLowerCase() : ''
}
