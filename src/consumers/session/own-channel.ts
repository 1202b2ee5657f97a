/** A connection's own channel: made when its name is first read, received until the connection ends. */
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import type { BackgroundTask } from '../consumer.ts'
import type { Memberships } from '../memberships.ts'

/** The connection that a channel belongs to. */
export interface ChannelOwner {
  readonly isOver: boolean
  readonly signal: AbortSignal
  background(task: BackgroundTask): void
  /** Resolves when the message was handled. Until then further messages wait in the layer. */
  event(message: ChannelMessage): Promise<void>
}

export class OwnChannel {
  readonly #layer: ChannelLayer
  readonly #memberships: Memberships
  readonly #owner: ChannelOwner
  #name: string | undefined

  constructor(layer: ChannelLayer, memberships: Memberships, owner: ChannelOwner) {
    this.#layer = layer
    this.#memberships = memberships
    this.#owner = owner
  }

  get name(): string {
    if (this.#name === undefined) {
      const name = this.#layer.newChannel()
      this.#name = name
      if (this.#owner.isOver) this.#layer.release(name)
      else this.#owner.background(() => this.#listen(name))
    }
    return this.#name
  }

  async join(group: string): Promise<void> {
    await this.#memberships.hold(group, this.name)
    // The connection may have ended while the layer added it.
    if (this.#owner.isOver) await this.#memberships.drop(group, this.name)
  }

  async discard(group: string): Promise<void> {
    if (this.#name !== undefined) await this.#memberships.drop(group, this.#name)
  }

  /** The connection is over. */
  end(): void {
    const name = this.#name
    if (name === undefined) return
    this.#owner.background(async () => {
      this.#layer.release(name)
      await this.#memberships.dropAll(name)
    })
  }

  async #listen(name: string): Promise<void> {
    const { signal } = this.#owner
    while (!signal.aborted) await this.#owner.event(await this.#layer.receive(name, signal))
  }
}
