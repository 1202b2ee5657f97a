/** What records in Redis survive, according to the server's configuration; logged once at the start. */
import type { Logger } from '../../../logging/logger.ts'
import type { Durability } from '../../stream.ts'
import type { Greeting } from './greeting.ts'

/** What a record survives once Redis has answered. */
export function serverDurability({ appendOnly, fsync }: Greeting): Durability {
  return appendOnly && fsync === 'always' ? 'power' : 'process'
}

/** Logs it, as a warning if a crash of Redis would lose runs. */
export function logDurability(logger: Logger, redis: string, greeting: Greeting): void {
  const { eviction, replicas } = greeting
  const [isSafe, what] = sentence(greeting)
  const evicts = eviction !== undefined && eviction !== 'noeviction'
  const more = evicts
    ? `; and when its memory is full it deletes streams (maxmemory-policy ${eviction}): set noeviction`
    : ''
  const level = isSafe && !evicts ? 'info' : 'warn'
  logger[level]({ redis, replicas }, `streams are kept by Redis: ${what}${more}`)
}

function sentence({ appendOnly, fsync, snapshots }: Greeting): readonly [isSafe: boolean, what: string] {
  if (appendOnly === undefined) return [false, 'it does not say whether it writes them to disk']
  if (appendOnly) {
    switch (fsync) {
      case 'always':
        return [true, 'what is answered survives its crash and a loss of power (appendonly, fsync always)']
      case 'everysec':
        return [
          true,
          'they survive its crash, but for the last second at a loss of power (appendonly, fsync everysec)',
        ]
      case 'no':
        return [
          true,
          'they survive its crash; a loss of power takes what the system had not written (appendonly, fsync no)',
        ]
      default:
        return [true, 'they survive its crash; it does not say when it syncs (appendonly)']
    }
  }
  return snapshots === false
    ? [false, 'its crash loses all of them and ends every run (appendonly no, no snapshots)']
    : [false, 'its crash loses what came after its last snapshot, runs among it (appendonly no)']
}
