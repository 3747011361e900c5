/** As much of JSON Schema (draft 2020-12) as our schema uses; a keyword that is not known here fails the test. */
import assert from 'node:assert/strict'

interface Schema {
  readonly [keyword: string]: unknown
}

const notes = new Set(['$schema', '$defs', 'title', 'description', 'default'])

const kinds: Record<string, (value: unknown) => boolean> = {
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: value => typeof value === 'string',
  integer: Number.isInteger,
  boolean: value => typeof value === 'boolean',
}

const keywords: Record<string, (limit: never, value: never, schema: Schema, root: Schema) => boolean> = {
  type: (kind: string, value) => kinds[kind]!(value),
  enum: (values: unknown[], value) => values.includes(value),
  pattern: (pattern: string, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minimum: (limit: number, value) => typeof value !== 'number' || value >= limit,
  maximum: (limit: number, value) => typeof value !== 'number' || value <= limit,
  minItems: (limit: number, value) => !Array.isArray(value) || (value as unknown[]).length >= limit,
  maxItems: (limit: number, value) => !Array.isArray(value) || (value as unknown[]).length <= limit,
  maxProperties: (limit: number, value) => !kinds.object!(value) || Object.keys(value).length <= limit,
  required: (names: string[], value) =>
    !kinds.object!(value) || names.every(name => name in (value as object)),
  anyOf: (schemas: Schema[], value, _schema, root) => schemas.some(schema => isValid(schema, value, root)),
  $ref: (name: string, value, _schema, root) => {
    const [, place = ''] = /^#\/\$defs\/(\w+)$/.exec(name) ?? []
    return isValid((root.$defs as Record<string, Schema>)[place]!, value, root)
  },
  items: (schema: Schema, value, _schema, root) =>
    !Array.isArray(value) || (value as unknown[]).every(item => isValid(schema, item, root)),
  properties: (schemas: Record<string, Schema>, value, _schema, root) =>
    !kinds.object!(value) ||
    Object.entries(schemas).every(
      ([name, schema]) => !(name in (value as object)) || isValid(schema, value[name], root),
    ),
  additionalProperties: (allowed: Schema | false, value, { properties = {} }, root) =>
    !kinds.object!(value) ||
    Object.entries(value as object).every(
      ([name, property]) =>
        name in (properties as object) || (allowed !== false && isValid(allowed, property, root)),
    ),
}

export function isValid(schema: Schema, value: unknown, root = schema): boolean {
  return Object.entries(schema).every(([keyword, limit]) => {
    if (notes.has(keyword)) return true
    assert.ok(keyword in keywords, `the keyword ${keyword} is not known here`)
    return keywords[keyword]!(limit as never, value as never, schema, root)
  })
}
