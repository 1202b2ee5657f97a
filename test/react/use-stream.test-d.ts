/** What the hook's types say. */
import { expectTypeOf } from 'vitest'
import { type StreamClient, type RemoteStream, connect } from '../../src/client/index.ts'
import type { Json } from '../../src/index.ts'
import { useStream } from '../../src/react/index.ts'

interface Delta {
  readonly delta: string
}

const plain = useStream('/ws', 'id')
expectTypeOf(plain.records).toEqualTypeOf<readonly Json[]>()
expectTypeOf(plain.state).toEqualTypeOf<undefined>()
expectTypeOf(plain.start('x', { chat: 'c' })).toEqualTypeOf<Promise<string>>()
expectTypeOf(plain.stop()).toEqualTypeOf<Promise<'completed' | 'stopped' | 'failed' | undefined>>()

const typed = useStream<Delta>(connect('/ws'), null, { text: ({ delta }) => delta })
expectTypeOf(typed.records).toEqualTypeOf<readonly Delta[]>()
expectTypeOf(typed.id).toEqualTypeOf<string | null>()

const reduced = useStream('/ws', 'id', {
  reduce: (count: number, record: Delta) => count + record.delta.length,
  initial: 0,
})
expectTypeOf(reduced.records).toEqualTypeOf<readonly Delta[]>()
expectTypeOf(reduced.state).toEqualTypeOf<number>()

// @ts-expect-error a state needs a beginning
useStream('/ws', 'id', { reduce: (count: number) => count + 1 })
// @ts-expect-error of the type that it has
useStream('/ws', 'id', { reduce: (count: number) => count + 1, initial: '0' })
// @ts-expect-error null is said, not left out
useStream('/ws', undefined)

const client: StreamClient = connect('/ws')
expectTypeOf(client.stream('id')).toEqualTypeOf<RemoteStream>()
expectTypeOf(client.stream<Delta>('id').take()).toEqualTypeOf<Delta[]>()
// @ts-expect-error what is sent is JSON
void client.start(() => 1)
