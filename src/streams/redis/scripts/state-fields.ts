/** The fields of a stream's state in Redis that several look at. stream-scripts.ts says what each is. */
import { LEASE_PRODUCER } from '../../leases.ts'

/** The producer of whoever holds the lease: there from the first lease on, and until the stream is gone. */
export const LEASE_FIELD: string = `p:${LEASE_PRODUCER}`

/** Fields that make a `StreamState`, in the order in which `parseState` reads them. */
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
