import { expect } from 'vitest'
import type { StreamConfig, StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'

/** Creates a stream that must not be there. */
export async function created(store: StreamStore, id: string, config?: StreamConfig): Promise<StreamInfo> {
  const result = await store.create(id, config)
  expect(result.outcome).toBe('created')
  return (result as Extract<typeof result, { outcome: 'created' }>).info
}
