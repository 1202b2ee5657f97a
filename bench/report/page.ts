/** docs/benchmarks.md, made of the results of a run. */
import { figure } from '../harness/runner.ts'
import type { Group } from '../harness/load.ts'
import { isMeasured } from './results.ts'
import type { Measurement, Results } from './results.ts'

/** @param groups what was measured, and perhaps more; groups without results are left out. */
export function renderPage(results: Results, groups: readonly Group[]): string {
  const sections = groups
    .map((group) => ({ group, measurements: results.measurements.filter((one) => one.group === group.name) }))
    .filter(({ measurements }) => measurements.length > 0)
    .map(({ group, measurements }) => section(group, measurements))
  return `${[head(results), ...sections].join('\n\n')}\n`
}

function head({ environment, startedAt, seconds, took, quick }: Results): string {
  const { cpu, cores, memoryGiB, system, node, busy, pinned, versions } = environment
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const processor = `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}`
  return `# Benchmarks

\`npm run bench\` measured this and wrote this page; do not edit it. \`npm run bench -- --help\` says what it can be told.

${caveat(quick, busy)}| | |
|---|---|
| when | ${startedAt.slice(0, 16).replace('T', ' ')} UTC, in one run of ${Math.max(1, Math.round(took / 60))} min, ${seconds} s each |
| where | ${processor}, ${memoryGiB} GiB; ${system}; Node ${node} |
| what | ${peers.join(', ')} |

How to read it:

- **Ratios first.** They say how many times what the peer needs, or does, in the same minutes on the same machine; they hold elsewhere. The absolute figures beneath them do not: another machine, or this one when it is busy, has others.
- **CPU time** is that of the server's process alone, user and kernel, as the operating system counts it. ${pinned ? 'The server has one core to itself; the readers have what is left.' : 'Processes could not be pinned to cores here, so the server shares them with its readers.'}
- **Latency** is from the moment a record was due, in the server, to the moment a reader has it in hand, in another process. A server that is too busy to make its records in time does not look fast for it.
- Where *readers’ core* is near 1, the readers are what is measured: the server could do more.
- Each peer is used as its documentation shows it, and gets the same records from the same source.
- Nothing fails when a figure is bad: this page is how one finds out.`
}

/** The load average of a machine that does nothing else. */
export const QUIET = 0.5

function caveat(quick: boolean, busy: number): string {
  if (quick) return '**A quick run: it shows that everything runs, and no figure here is worth quoting.**\n\n'
  if (busy <= QUIET) return ''
  return `**The machine was busy when this run began (load average ${busy.toFixed(1)}): its figures are not worth quoting.**\n\n`
}

function section(group: Group, measurements: readonly Measurement[]): string {
  const { title, about, ratio } = group
  return `## ${title}

${about}

${ratio.title}, against ${ratio.against} in the same run:

${ratioTable(group, measurements)}

In absolute figures, which are this machine's:

${figureTable(group, measurements)}`
}

function ratioTable({ loads, ratio }: Group, measurements: readonly Measurement[]): string {
  const variants = [...new Set(measurements.map(({ variant }) => variant))]
  const rows = loads.flatMap((load) => {
    const of = measurements.filter((one) => one.load === load.name)
    if (of.length === 0) return []
    const base = of.find(({ variant }) => variant === ratio.against)
    return [
      [
        load.title,
        ...variants.map((name) =>
          ratioCell(
            of.find((one) => one.variant === name),
            base,
            ratio.key,
          ),
        ),
      ],
    ]
  })
  return table(['load', ...variants], rows)
}

function ratioCell(one: Measurement | undefined, base: Measurement | undefined, key: string): string {
  const value = one && isMeasured(one.outcome) ? one.outcome[key] : undefined
  const against = base && isMeasured(base.outcome) ? base.outcome[key] : undefined
  if (value === undefined || against === undefined || against === 0) return '–'
  if (one === base) return '1'
  const ratio = value / against
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 0.1 ? 2 : 3)
}

function figureTable({ loads, columns }: Group, measurements: readonly Measurement[]): string {
  const titles = new Map(loads.map((load) => [load.name, load.title]))
  const rows = measurements.map(({ load, variant, outcome }) => {
    const names = [titles.get(load) ?? load, variant]
    return isMeasured(outcome)
      ? [...names, ...columns.map((column) => figure(outcome, column))]
      : [...names, `not measured: ${outcome.notMeasured}`, ...columns.slice(1).map(() => '')]
  })
  return table(['load', '', ...columns.map(({ title }) => title)], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
