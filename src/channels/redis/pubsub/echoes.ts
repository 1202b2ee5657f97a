/**
 * Recognises the group messages of this process when they come back, to tell the sender how many of its own
 * channels took them. They are delivered like those of other processes.
 *
 * A message has no sender in channels_redis's format. Redis keeps the order of what one connection publishes,
 * so the message that comes back equals the oldest one that is awaited. An equal message of another process
 * may be taken for it. Then the two counts are exchanged, which does no harm.
 */
import type { GroupSendResult } from '../../layer.ts'

interface Echo {
  readonly message: Buffer
  isHeard: boolean
  readonly heard: PromiseWithResolvers<GroupSendResult | undefined>
}

export class Echoes {
  readonly #awaited = new Map<string, Echo[]>()

  /** Expects a message that is about to be published. */
  expect(topic: string, message: Buffer): ExpectedEcho {
    const echo: Echo = {
      message,
      isHeard: false,
      heard: Promise.withResolvers<GroupSendResult | undefined>(),
    }
    const awaited = this.#awaited.get(topic)
    if (awaited) awaited.push(echo)
    else this.#awaited.set(topic, [echo])
    return {
      get isHeard() {
        return echo.isHeard
      },
      heard: echo.heard.promise,
      forget: () => {
        this.#remove(topic, echo)
        echo.heard.resolve(undefined)
      },
    }
  }

  /** Notes a message that came, and its result here. Returns whether it was expected. */
  hear(topic: string, message: Buffer, result: GroupSendResult): boolean {
    const echo = this.#awaited.get(topic)?.[0]
    if (!echo?.message.equals(message)) return false
    this.#remove(topic, echo)
    echo.isHeard = true
    echo.heard.resolve(result)
    return true
  }

  #remove(topic: string, echo: Echo): void {
    const awaited = this.#awaited.get(topic)
    const place = awaited?.indexOf(echo) ?? -1
    if (!awaited || place < 0) return
    awaited.splice(place, 1)
    if (awaited.length === 0) this.#awaited.delete(topic)
  }
}

export interface ExpectedEcho {
  readonly isHeard: boolean
  /** The result here; undefined when `forget` was called first. */
  readonly heard: Promise<GroupSendResult | undefined>
  forget(): void
}
