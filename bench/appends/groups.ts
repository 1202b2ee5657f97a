/** Appends per second, by store and by number of writers. */
import { Child } from '../harness/child.ts'
import { withFolder } from '../harness/folder.ts'
import type { Context, Group, Load, Values, Variant } from '../harness/load.ts'
import { withRedis } from '../redis/services.ts'
import type { WriterArguments, WriterReply } from './writer.ts'

const WRITER = new URL('writer.ts', import.meta.url)

async function write({ seconds, signal }: Context, given: Omit<WriterArguments, 'seconds'>): Promise<Values> {
  const child = new Child<never, WriterReply>(WRITER, [JSON.stringify({ ...given, seconds })], {
    signal,
    core: 0,
  })
  try {
    const { perSecond, p50, p99, cpu } = await child.reply('appended', seconds + 30)
    return { perSecond, p50, p99, cpu }
  } finally {
    await child.end()
  }
}

const takes: Variant['takes'] = ({ seconds }) => seconds + 0.5

function inFolder(name: string, store: WriterArguments['store'], writers: number): Variant {
  return {
    name,
    takes,
    run: (context) => withFolder((folder) => write(context, { store, at: `${folder}/streams.db`, writers })),
  }
}

/** @param fsync when Redis syncs its log to the disk: `everysec` or `always`. */
function onRedis(fsync: string, writers: number): Variant {
  const settings = ['--appendonly', 'yes', '--appendfsync', fsync]
  return {
    name: `Redis, ${fsync}`,
    takes,
    run: (context) =>
      withRedis(context.signal, settings, ({ url }) => write(context, { store: 'redis', at: url, writers })),
  }
}

function appendsOf(writers: number): Load {
  return {
    name: `appends-${writers}`,
    title: `${writers} ${writers === 1 ? 'writer' : 'writers'}`,
    variants: [
      inFolder('SQLite, a transaction each', 'transactions', writers),
      inFolder('SQLite', 'sqlite', writers),
      inFolder('memory', 'memory', writers),
      onRedis('everysec', writers),
      onRedis('always', writers),
    ],
  }
}

export const appends: Group = {
  name: 'appends',
  title: 'Appends',
  about: `Each writer appends a record of 40 bytes to its own stream, as a producer, waits until it is as durable as
the store makes it, and appends the next. SQLite syncs to the disk before it answers (WAL, \`synchronous=FULL\`);
Millrace's store commits together what came while it wrote. *A transaction each* is the least that the same file
can do without that. *Redis* is one on the same machine, with its log synced every second or before every answer
(\`appendfsync\`); its own CPU time is not counted.`,
  ratio: {
    key: 'perSecond',
    title: 'Appends per second (more is better)',
    against: 'SQLite, a transaction each',
  },
  columns: [
    { key: 'perSecond', title: 'appends per second', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 2 },
    { key: 'cpu', title: 'CPU µs each', digits: 1 },
  ],
  loads: [appendsOf(1), appendsOf(100)],
}
