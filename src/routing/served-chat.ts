/** A chat as it stands among the routes of an application, which makes its routes of the application's streams. */
import type { ChatsOptions } from '../chats/options.ts'
import type { Streaming } from '../endpoints/streaming.ts'
import type { PathRoute } from './route.ts'

/** What `chat(path, options)` of `millrace/ai-sdk` returns. */
export interface ServedChat {
  readonly kind: 'chat'
  /** What answers, and how its chats are kept: what `streaming({ chats })` takes. */
  readonly chats: ServedChats
  /** @throws {TypeError} for streams without these chats. */
  readonly mount: (streams: Streaming) => readonly PathRoute[]
}

/** What is said of chats, beside where they are kept. */
export type ServedChats = Omit<ChatsOptions, 'store' | 'logger'>

/**
 * The chats of an application whose routes serve some: all are kept alike.
 *
 * @throws {TypeError} where two say how.
 */
export function chatsServed(
  given: ServedChats | undefined,
  served: readonly ServedChat[],
): ServedChats | undefined {
  const [first, ...others] = [...(given ? [given] : []), ...served.map(({ chats }) => chats)]
  if (!first) return undefined
  const kinds = { ...first.kinds }
  const joined = { ...first, kinds }
  for (const { kinds: more, whileBusy: _, ...how } of others) {
    const twice = Object.keys(more).find((name) => Object.hasOwn(kinds, name))
    if (twice !== undefined) throw new TypeError(`Two chats are called ${twice}: give one of them a name`)
    const again = Object.keys(how).find((name) => Object.hasOwn(joined, name))
    if (again !== undefined)
      throw new TypeError(`All chats of an application are kept alike: say once what ${again} is`)
    Object.assign(kinds, more)
    Object.assign(joined, how)
  }
  return joined
}
