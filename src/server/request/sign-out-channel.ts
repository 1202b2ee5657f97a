/**
 * Tells the other processes of an application who signed out, over the channel layer. Delivery is at most
 * once. A lost message is made up for when `authenticate` is called again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { isChannelError } from '../../channels/errors.ts'
import type { ChannelLayer } from '../../channels/layer.ts'
import type { Memberships } from '../../consumers/memberships.ts'
import type { Logger } from '../../logging/logger.ts'

/** The group, and the type of its messages. Anybody with access to the layer may send one. */
const GROUP = 'millrace.sign-out'
const TYPE = 'millrace.sign.out'

/** Milliseconds between two attempts to reach a layer that is away. */
const PAUSE = 1_000

export interface SignOutChannelOptions {
  readonly layer: ChannelLayer
  readonly memberships: Pick<Memberships, 'hold' | 'dropAll'>
  readonly logger: Logger
  readonly onSignOut: (name: string) => void
}

export class SignOutChannel {
  readonly #options: SignOutChannelOptions
  readonly #end = new AbortController()
  #listening: Promise<void> | undefined

  constructor(options: SignOutChannelOptions) {
    this.#options = options
  }

  /** Begins to listen, once. Does nothing on a layer that serves this process alone. */
  open(): void {
    if (this.#options.layer.isLocal || this.#end.signal.aborted) return
    this.#listening ??= this.#listen()
  }

  /** Tells the other processes. Rejects as `groupSend` does. */
  async tell(name: string): Promise<void> {
    const { layer } = this.#options
    if (!layer.isLocal) await layer.groupSend(GROUP, { type: TYPE, user: name })
  }

  async close(): Promise<void> {
    this.#end.abort()
    await this.#listening
  }

  /** Never rejects. */
  async #listen(): Promise<void> {
    const { layer, memberships } = this.#options
    const { signal } = this.#end
    let channel: string | undefined
    while (!signal.aborted) {
      try {
        channel ??= layer.newChannel('millrace')
        await memberships.hold(GROUP, channel)
        for (;;) this.#hear(await layer.receive(channel, signal))
      } catch (error) {
        if (signal.aborted || isChannelError(error, 'channel_layer_closed')) break
        this.#options.logger.warn(
          { err: error },
          'sign-outs of other processes cannot be received; trying again',
        )
        await pause(PAUSE, undefined, { signal }).catch(ignore)
      }
    }
    if (channel === undefined) return
    layer.release(channel)
    await memberships.dropAll(channel).catch(ignore)
  }

  #hear({ type, user }: Readonly<Record<string, unknown>>): void {
    if (type === TYPE && typeof user === 'string' && user !== '') this.#options.onSignOut(user)
    else this.#options.logger.error({}, `message in the group ${GROUP} is not a sign-out`)
  }
}

function ignore(): void {}
