/** What `npm run bench` can be told. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { streams } from './delivery/groups.ts'
import type { Group, Load } from './harness/load.ts'

export interface Settings {
  readonly groups: readonly Group[]
  readonly seconds: number
  readonly quick: boolean
  /** The page to write; undefined to write none. */
  readonly page: string | undefined
  /** The folder of the results. */
  readonly results: string
  readonly profile: boolean
}

/** Thrown for arguments that make no sense; its message is for whoever typed them. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const PAGE = 'docs/benchmarks.md'
const RESULTS = 'bench/results'
const SECONDS = 4
const QUICK_SECONDS = 0.3

export function helpText(groups: readonly Group[]): string {
  const names = groups.map(
    ({ name, loads }) => `  ${name.padEnd(12)} ${loads.map((load) => load.name).join(' ')}`,
  )
  return `Measures Millrace beside its peers, on this machine and in one run.

Usage: npm run bench -- [options]

  --only <loads>     only these groups or loads, separated by commas; streams-<n> takes any number
  --peers <names>    only these variants, separated by commas: Millrace,ws
  --seconds <n>      how long each measurement lasts (default: ${SECONDS})
  --quick            see that everything runs: short, small, and no figures to quote
  --out <file>       the page to write (default: ${PAGE} for a whole run, none otherwise)
  --results <folder> where the figures go as JSON (default: ${RESULTS})
  --profile          have servers write CPU profiles beside the figures
  --help

Groups and their loads:
${names.join('\n')}

A whole run takes about twenty minutes. Let the machine do nothing else meanwhile.
Ctrl-C ends it, and every process it started.
`
}

/** Undefined when help is asked for. @throws {UsageError} */
export function readSettings(args: readonly string[], all: readonly Group[]): Settings | undefined {
  const { values } = parsed(args)
  if (values.help) return undefined
  const quick = values.quick ?? false
  const seconds = values.seconds === undefined ? (quick ? QUICK_SECONDS : SECONDS) : Number(values.seconds)
  if (!(seconds > 0 && seconds <= 60)) throw new UsageError('--seconds takes a number of seconds up to 60')
  const named = values.only === undefined ? all : only(list(values.only), all)
  const groups = values.peers === undefined ? named : withVariants(list(values.peers), named)
  const whole = values.only === undefined && values.peers === undefined && !quick
  const out = values.out ?? (whole ? PAGE : undefined)
  return {
    groups,
    seconds,
    quick,
    page: out === undefined ? undefined : resolve(out),
    results: resolve(values.results ?? RESULTS),
    profile: values.profile ?? false,
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        peers: { type: 'string' },
        seconds: { type: 'string' },
        quick: { type: 'boolean' },
        out: { type: 'string' },
        results: { type: 'string' },
        profile: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function list(text: string): string[] {
  return text.split(',').map((part) => part.trim())
}

/** The groups with the loads that are named, in the order of the groups. */
function only(names: readonly string[], all: readonly Group[]): readonly Group[] {
  const known = new Set(all.flatMap((group) => [group.name, ...group.loads.map(({ name }) => name)]))
  const extra: Load[] = []
  for (const name of names) {
    if (known.has(name)) continue
    const count = Number(/^streams-(\d+)$/.exec(name)?.[1])
    if (!(count > 0 && count <= 20_000)) throw new UsageError(`There is no load '${name}'; --help lists them`)
    extra.push(streams(count))
  }
  return all
    .map((group) => {
      const more = group.name === 'delivery' ? extra : []
      const wanted = names.includes(group.name)
        ? group.loads
        : group.loads.filter(({ name }) => names.includes(name))
      return { ...group, loads: [...wanted, ...more] }
    })
    .filter(({ loads }) => loads.length > 0)
}

function withVariants(names: readonly string[], groups: readonly Group[]): readonly Group[] {
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  const kept = groups
    .map((group) => ({
      ...group,
      loads: group.loads
        .map((load) => ({
          ...load,
          variants: load.variants.filter(({ name }) => wanted.has(name.toLowerCase())),
        }))
        .filter(({ variants }) => variants.length > 0),
    }))
    .filter(({ loads }) => loads.length > 0)
  if (kept.length === 0) throw new UsageError('No load that was chosen has a variant that --peers names')
  return kept
}
