/**
 * What a plan may hold beyond what every one does. Each is a way in which the world treats the core; those that
 * the core does not bear yet stand in `expected-failures.ts`, and are left out of fresh seeds.
 */
export const HAZARDS = {
  'stranger appends': 'somebody who holds no lease appends to the log of a run',
  'stranger closes': 'somebody who holds no lease closes the log of a run',
  'stranger metadata': 'somebody who holds no lease replaces what is kept of a run',
  'removed while it runs': 'the stream of a run is deleted while it runs, and its id started anew',
  'clock far ahead': 'a clock is wrong by two days for a while',
  'clock jumps': 'a clock jumps by seconds or minutes',
  'abort with an event': 'a provider answers its abort with an event, and yields it at a hand-over',
  'provider that differs': 'a resumable provider yields something else when it is called again',
  'same id, another question': 'an id that was started is started again for something else',
  'record like an end': 'the last record of a stream that is no run looks like an end',
  'foreign leases': 'an application holds leases of its own, and leaves a thousand behind',
  'damaged stream': 'one stream of the store cannot be read',
  'many laggards': 'readers that do not read, on more streams than delivery has room for',
  'merged records': 'a server merges records for a reader that is late',
  'deadly run': 'a run kills each process that works on it, before its first record',
  'busy chat': 'people do much at once in one chat, through processes that die over it',
  'lost tail': 'the store loses its last records, and says so',
} as const

export type Hazard = keyof typeof HAZARDS

export const ALL_HAZARDS: readonly Hazard[] = Object.keys(HAZARDS) as Hazard[]
