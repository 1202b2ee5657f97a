/** `npm run power`: loses power at many points of several traces, and prints what was found. */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { service } from '../../scripts/services.ts'
import { SMALL_LOG, planted } from './planted.ts'
import { type Finding, type PowerOptions, losePower } from './power.ts'

const HELP = `Usage: npm run power -- [options]

Traces a server on SQLite with strace, replays what it wrote and synced, and opens what a loss of power at any
point may have left of it. What was acknowledged, or seen by a reader, must be there.

  --seeds <n>    traces of each kind, one a seed. Default 3
  --seed <n>     the first of them. Default 1
  --images <n>   states of the disk to open for each trace, about 50 ms each. Default 1000
  --rounds <n>   how often the server opens and closes its file. Default 3
  --plant <bug>  a bug to be found: normal (synchronous = NORMAL), or what is never synced: wal
                 (the log), file (the database), folder (the one around a new folder)
  --help         prints this`

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      images: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '3' },
      plant: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const strace = service('strace').find()
  if (strace === undefined) throw new Error('strace is not installed: npm run test:all installs it')
  const bug = values.plant === undefined ? undefined : planted[values.plant]
  if (values.plant !== undefined && !bug) {
    throw new Error(`No bug is called '${values.plant}'; there are ${Object.keys(planted).join(', ')}`)
  }

  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const first = whole('seed', values.seed)
  const kinds: [string, Partial<PowerOptions>][] = bug
    ? [[`planted: ${values.plant}`, bug]]
    : [
        ['the settings of the store', {}],
        ['checkpoints all the time', { pragmas: SMALL_LOG }],
      ]
  let broken = 0
  for (let seed = first; seed < first + whole('seeds', values.seeds); seed++) {
    for (const [name, kind] of kinds) {
      const began = performance.now()
      const report = await losePower({
        ...kind,
        seed,
        strace,
        rounds: whole('rounds', values.rounds),
        images: whole('images', values.images),
        randomLosses: 3,
        signal: interrupt.signal,
        ...(process.stdout.isTTY && { progress }),
      })
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      console.log(
        `seed ${seed}, ${name}: ${report.points} points, ${report.acknowledged} acknowledgements; ` +
          `${report.images} disks opened (${report.runsFollowed} with their runs taken over) in ${seconds} s; ` +
          `${report.broken.length} broke a promise`,
      )
      for (const line of summary(report.broken)) console.log(line)
      broken += report.broken.length
    }
  }
  return broken > 0 ? 1 : 0
}

function summary(broken: readonly Finding[]): string[] {
  const promises = Map.groupBy(broken, ({ promise }) => promise)
  return [...promises].map(
    ([promise, findings]) => `  ${findings.length} x ${promise}, first: ${findings[0]?.detail}`,
  )
}

function progress(done: number, of: number): void {
  if (done % 20 === 0) process.stdout.write(`\r\u001B[2K… ${done} of about ${of}\r`)
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`--${name} takes a whole number, not '${text}'`)
  return Number(text)
}
