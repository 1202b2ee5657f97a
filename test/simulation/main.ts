/**
 * `npm run simulate`: plays clusters from seeds, and tells what broke. CONTRIBUTING.md says how it is used.
 *
 * With `--json` it answers the tests, in one line: they run it in a process of its own, as it replaces clocks and timers.
 */
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { fingerprint, planFor, retry, search, searchPlanted } from './campaign.ts'
import type { Campaign } from './campaign.ts'
import { BORNE_HAZARDS, EXPECTED_FAILURES } from './expected-failures.ts'
import { ALL_HAZARDS } from './hazards.ts'
import type { Hazard } from './hazards.ts'
import { planWith } from './plan.ts'
import { PLANTED_BUGS, isPlantedBug } from './planted-bugs.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

/** Seeds within which a planted bug is to be found. */
const SEEDS_FOR_PLANTED = 2000

const HELP = `npm run simulate -- [options]

  --seeds N       so many simulations (default 1000), each another seed
  --from N        the first seed (default: drawn)
  --seed N        one seed: prints its history
  --hazard NAME   one hazard for certain, with --seed or --from; or 'all': what the core does not bear as well
  --planted NAME  with a bug in the wrappers of the simulation; or 'all': looks for each within ${SEEDS_FOR_PLANTED} seeds
  --expected      plays the expected failures
  --json          one line of JSON, for the tests

hazards: ${ALL_HAZARDS.join(', ')}
planted bugs: ${Object.keys(PLANTED_BUGS).join(', ')}`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string' },
    seed: { type: 'string' },
    hazard: { type: 'string' },
    planted: { type: 'string' },
    expected: { type: 'boolean', default: false },
    fingerprints: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  if (values.help) return print(HELP)
  if (values.fingerprints !== undefined)
    return printFingerprints(numberOf('fingerprints', values.fingerprints))
  if (values.expected) return printExpected()
  if (values.planted === 'all') return printPlanted()
  const planted = plantedOf(values.planted)
  const hazard = values.hazard === 'all' ? undefined : hazardOf(values.hazard)
  if (values.seed !== undefined) return printOne(numberOf('seed', values.seed), hazard, planted)
  const from = values.from === undefined ? randomInt(2 ** 31) : numberOf('from', values.from)
  const hazards = values.hazard === 'all' ? ALL_HAZARDS : hazard ? [hazard] : BORNE_HAZARDS
  const campaign = await search({ from, seeds: numberOf('seeds', values.seeds), hazards, planted })
  return printCampaign(from, campaign, hazards, planted)
}

/** The history of one seed. */
async function printOne(
  seed: number,
  hazard: Hazard | undefined,
  planted: PlantedBug | undefined,
): Promise<boolean> {
  const plan = hazard ? planWith(seed, hazard) : planFor(seed, BORNE_HAZARDS, planted)
  const { trace, violation } = await simulate(plan, planted)
  print(trace.join('\n'))
  return !violation
}

async function printCampaign(
  from: number,
  { seeds, seconds, coverage, found }: Campaign,
  hazards: readonly Hazard[],
  planted: PlantedBug | undefined,
): Promise<boolean> {
  if (values.json) return print(JSON.stringify({ from, seeds, seconds, found: found ?? null })) && !found
  print(`${seeds} seeds from ${from} in ${seconds.toFixed(1)} s: ${(seeds / seconds).toFixed(1)} a second`)
  print(`seen: ${String(coverage)}`)
  if (!found) return true
  print(`\nseed ${found.seed} breaks ${found.invariant}: ${found.message}`)
  const plan = await shrink(planFor(found.seed, hazards, planted), found.invariant, planted)
  const { trace } = await simulate(plan, planted)
  print(`\nThe shortest history that does so has ${plan.acts.length} acts:\n\n${trace.join('\n')}`)
  return false
}

async function printPlanted(): Promise<boolean> {
  const results = await searchPlanted(SEEDS_FOR_PLANTED)
  const lines = Array.from(results, ([bug, { seeds, seconds, found }]) => ({ bug, seeds, seconds, found }))
  if (values.json) return print(JSON.stringify(lines))
  for (const { bug, seeds, found } of lines)
    print(`${bug}: ${found ? `seed ${found.seed} breaks ${found.invariant}` : `not found in ${seeds} seeds`}`)
  return lines.every(({ found }) => found)
}

async function printExpected(): Promise<boolean> {
  const lines = []
  for (const failure of EXPECTED_FAILURES) {
    const { invariant, seed } = (await retry(failure)) ?? {}
    lines.push({ ...failure, broken: invariant ?? null, seed: seed ?? null })
  }
  if (values.json) return print(JSON.stringify(lines))
  for (const { hazard, invariant, seed, broken } of lines)
    print(`${hazard}: ${seed ? `seed ${seed} breaks ${broken}` : 'nothing breaks'}, and ${invariant} is to`)
  return lines.every(({ broken, invariant }) => broken === invariant)
}

async function printFingerprints(count: number): Promise<boolean> {
  const from = values.from === undefined ? 1 : numberOf('from', values.from)
  for (let seed = from; seed < from + count; seed++) print(`${seed} ${await fingerprint(seed)}`)
  return true
}

function hazardOf(name: string | undefined): Hazard | undefined {
  if (name === undefined) return undefined
  const hazard = ALL_HAZARDS.find((one) => one === name)
  if (!hazard) throw new RangeError(`There is no hazard ${name}`)
  return hazard
}

function plantedOf(name: string | undefined): PlantedBug | undefined {
  if (name !== undefined && !isPlantedBug(name)) throw new RangeError(`No bug ${name} can be planted`)
  return name
}

function numberOf(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`--${option} takes a whole number`)
  return number
}

function print(text: string): boolean {
  process.stdout.write(`${text}\n`)
  return true
}
