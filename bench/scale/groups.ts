/** What often happens, by how many streams there are. */
import { Child } from '../harness/child.ts'
import { withFolder } from '../harness/folder.ts'
import type { Context, Group, Load, Values, Variant } from '../harness/load.ts'
import { withRedis } from '../redis/services.ts'
import type { ScaleArguments, ScaleReply } from './acts.ts'

const ACTS = new URL('acts.ts', import.meta.url)
const COUNTS = [100, 10_000, 100_000] as const
/** Creating and watching a hundred thousand streams takes Redis this long, at worst. */
const LONGEST_SECONDS = 120

type Store = ScaleArguments['store']

async function act({ signal }: Context, given: ScaleArguments): Promise<Values> {
  const child = new Child<never, ScaleReply>(ACTS, [JSON.stringify(given)], { signal, core: 0 })
  try {
    const { start, look, append } = await child.reply('acted', LONGEST_SECONDS)
    return { start, look, ...(append !== undefined && { append }) }
  } finally {
    await child.end()
  }
}

function among(store: Store, count: number): Variant {
  return {
    name: `${count.toLocaleString('en')} streams`,
    takes: ({ quick }) => 1 + (quick ? 1 : (count / 100_000) * (store === 'redis' ? 40 : 8)),
    run: (context) => {
      const streams = context.quick ? Math.ceil(count / 100) : count
      if (store === 'redis') {
        return withRedis(context.signal, [], ({ url, pid }) =>
          act(context, { store, streams, at: url, server: pid }),
        )
      }
      return withFolder((folder) => act(context, { store, streams, at: `${folder}/streams.db` }))
    },
  }
}

function loadOf(store: Store, title: string): Load {
  return { name: `scale-${store}`, title, variants: COUNTS.map((count) => among(store, count)) }
}

export const scale: Group = {
  name: 'scale',
  title: 'Many streams',
  about: `A store holds so many streams, nearly all of them of one owner and closed; one in a hundred is leased, each by
another owner. *Start* is a run of that owner from its start to its end, with one record; *look* asks for the leases that are over,
of which there are none; *foreign append* is an append of another process to one of the streams, until it is told
here, where all of them are watched. The figures are CPU time, that of Redis included: none should grow with the
number of streams.`,
  ratio: { key: 'start', title: 'CPU time to start a run (1 is flat)', against: '100 streams' },
  columns: [
    { key: 'start', title: 'start µs', digits: 0 },
    { key: 'look', title: 'look µs', digits: 1 },
    { key: 'append', title: 'foreign append µs', digits: 0 },
  ],
  loads: [loadOf('memory', 'memory'), loadOf('sqlite', 'SQLite'), loadOf('redis', 'Redis')],
}
