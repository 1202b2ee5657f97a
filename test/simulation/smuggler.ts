/**
 * Gets an append past the fence of a leased stream, for planted bugs: as one more of the holder's, whose own ones
 * are counted on from there, so that it does not notice.
 */
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import type { AppendRequest } from '../../src/streams/store.ts'

interface Lane {
  readonly epoch: number
  /** The seq that the store is to get next. */
  next: number
  /** How many of those it got were smuggled in. */
  smuggled: number
}

export class Smuggler {
  readonly #lanes = new Map<string, Lane>()

  /** A lease was taken. */
  leased(stream: string, epoch: number): void {
    this.#lanes.set(stream, { epoch, next: 0, smuggled: 0 })
  }

  /** An append as the store is to get it, which it must at once. */
  passed(stream: string, request: AppendRequest): AppendRequest {
    const lane = this.#lanes.get(stream)
    const { producer } = request
    if (!lane || producer?.id !== LEASE_PRODUCER || producer.epoch !== lane.epoch) return request
    const seq = producer.seq + lane.smuggled
    if (seq === lane.next) lane.next++
    return { ...request, producer: { ...producer, seq } }
  }

  /** An append as the store keeps it, whoever it is from, which it must get at once. */
  smuggled(stream: string, request: AppendRequest): AppendRequest {
    const { producer: _, ...bare } = request
    const lane = this.#lanes.get(stream)
    if (!lane) return bare
    lane.smuggled++
    return { ...bare, producer: { id: LEASE_PRODUCER, epoch: lane.epoch, seq: lane.next++ } }
  }
}
