/**
 * Where the property-based tests draw their values from: the same seed each time, so that a commit
 * that passed passes again. `MILLRACE_PROPERTY_SEED` takes another, to look where none has looked.
 */

import fc from 'fast-check'

const given = process.env['MILLRACE_PROPERTY_SEED']
const seed = given === undefined ? 1 : Number(given)
if (!Number.isInteger(seed)) throw new Error(`MILLRACE_PROPERTY_SEED must be an integer, not ${given}`)

fc.configureGlobal({ seed })
