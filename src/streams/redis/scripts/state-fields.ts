/** The fields of a stream's state in Redis that several files use. stream-scripts.ts describes them. */
import { LEASE_PRODUCER } from '../../leases.ts'

/** The producer of the holder of the lease: exists from the first lease until the stream is gone. */
export const LEASE_FIELD: string = `p:${LEASE_PRODUCER}`

/** The fields of a `StreamState`, in the order of `parseState`. */
const STATE_FIELDS = [
  'i',
  'c',
  'o',
  'd',
  'b',
  't',
  'e',
  'n',
  'x',
  'y',
  's',
  'z',
  'r',
  LEASE_FIELD,
  'f',
  'q',
  'fp',
  'j',
]

/** The same, as Lua. */
export const FIELDS: string = STATE_FIELDS.map((field) => `'${field}'`).join(', ')
