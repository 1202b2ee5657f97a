import type { StandardSchemaV1 } from '@standard-schema/spec'

export interface DemoStart {
  readonly message: 'start'
  /** Echoed in every frame of the answer. */
  readonly id?: string
  readonly prompt?: string
}

export interface DemoStop {
  readonly message: 'stop'
}

export type DemoCommand = DemoStart | DemoStop

/** Most characters of an id, because it is echoed in every frame. */
const MAX_ID = 100

/** Checks what a page sends, without a schema library. */
export const demoCommand: StandardSchemaV1<unknown, DemoCommand> = {
  '~standard': { version: 1, vendor: 'millrace', validate: (value) => check(value) },
}

function check(value: unknown): StandardSchemaV1.Result<DemoCommand> {
  if (typeof value !== 'object' || value === null) return issue('The message must be an object')
  const { message, id, prompt } = value as Record<string, unknown>
  if (message === 'stop') return { value: { message } }
  if (message !== 'start') return issue('must be "start" or "stop"', 'message')
  if (id !== undefined && (typeof id !== 'string' || id.length > MAX_ID)) {
    return issue(`must be a string of at most ${MAX_ID} characters`, 'id')
  }
  if (prompt !== undefined && typeof prompt !== 'string') return issue('must be a string', 'prompt')
  return { value: { message, ...(id !== undefined && { id }), ...(prompt !== undefined && { prompt }) } }
}

function issue(message: string, key?: string): StandardSchemaV1.FailureResult {
  return { issues: [{ message, ...(key !== undefined && { path: [key] }) }] }
}
