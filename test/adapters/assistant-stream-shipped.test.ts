/**
 * The tests that the package `assistant-stream` ships, as they are, with its store in memory replaced by ours.
 * What is about that store alone is skipped, with the reason.
 */
import { beforeEach, vi } from 'vitest'
import { memory } from 'millrace'
import { assistantStreams } from 'millrace/assistant-stream'

interface MemoryOptions {
  readonly defaultTtlMs?: number
  readonly now?: () => number
  readonly maxChunkBytes?: number
}

const SHIPPED = '../../node_modules/assistant-stream/src/resumable'

/** Of the package's store in memory, and of no other. */
const SKIPPED: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^does not sweep \d+ retained streams|^gc sweeper|^dispose /, 'how that store removes what is over'],
  [/maxStreams$|maxEntriesPerStream$|reclaims capacity/, 'options that it has for want of a disk'],
  [/^wakes a waiting reader|without overflowing native timers|past the timer limit/, 'its timers'],
  [/^needs no particular error message/, 'the class of its errors; ours say the same codes'],
  [/^delivers live updates to every reader/, 'what its cursors look like'],
]

vi.mock('../../node_modules/assistant-stream/src/resumable/stores/InMemoryResumableStreamStore.ts', () => ({
  createInMemoryResumableStreamStore({ defaultTtlMs, now, maxChunkBytes = Infinity }: MemoryOptions = {}) {
    const streams = assistantStreams(memory(now && { clock: now }), {
      ...(now && { monotonic: now }),
      ...(defaultTtlMs !== undefined && { ttl: defaultTtlMs / 1000 }),
    })
    const append: typeof streams.append = async (id, chunk, lease) => {
      // An option of that store; the limit of ours is another, and says so in other words.
      if (chunk.byteLength > maxChunkBytes)
        throw new Error(`Chunk exceeds maxChunkBytes: ${chunk.byteLength}`)
      await streams.append(id, chunk, lease)
    }
    return {
      acquire: streams.acquire.bind(streams),
      acquireLease: streams.acquireLease.bind(streams),
      append,
      finalize: streams.finalize.bind(streams),
      read: streams.read.bind(streams),
      status: streams.status.bind(streams),
      delete: streams.delete.bind(streams),
      dispose: () => void streams.close(),
    }
  },
}))

beforeEach(({ task, skip }) => {
  const [, reason] = SKIPPED.find(([name]) => name.test(task.name)) ?? []
  skip(reason !== undefined, reason)
})

for (const file of [
  'ResumableStreamContext',
  'createResumableAssistantStreamResponse',
  '__tests__/integration',
  'stores/InMemoryResumableStreamStore',
]) {
  await import(`${SHIPPED}/${file}.test.ts`)
}
