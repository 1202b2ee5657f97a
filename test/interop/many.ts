import process from 'node:process'

/** Messages in a row where their order is looked at: a quick cut, or as `npm run interop` has it. */
export const MANY = process.env.MILLRACE_LONG ? 10_000 : 2000
/** The same where each is slow: through Daphne, or encrypted. */
export const SLOW_MANY = process.env.MILLRACE_LONG ? 2000 : 1000
