/** The adapters are what the packages ask for, which are no dependency of this one. */
import type { ResumableStreamStore } from 'assistant-stream/resumable'
import type { Publisher, Subscriber } from 'resumable-stream/generic'
import { assistantStreams } from '../../src/adapters/assistant-stream.ts'
import { resumableStreams } from '../../src/adapters/resumable-stream.ts'
import { memory } from '../../src/streams/memory/store.ts'

const store = memory()
const { publisher, subscriber } = resumableStreams(store)

publisher satisfies Publisher
subscriber satisfies Subscriber
assistantStreams(store) satisfies ResumableStreamStore

// @ts-expect-error: a publisher is no subscriber
publisher satisfies Subscriber
// @ts-expect-error: seconds, and in a name without a unit
resumableStreams(store, { ttlMs: 1000 })
// @ts-expect-error: for readers of text alone
assistantStreams(store, { interrupted: '' })
// @ts-expect-error: it takes a store, and not a place
resumableStreams('redis://localhost')
