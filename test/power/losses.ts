/** What a loss of power takes of what was not synced: the plain ways, and some drawn from a seed. */
import type { Chance } from '../chaos/chance.ts'
import type { Loss } from './disk.ts'

const all = (count: number): number => count

/** The ways that are tried at every point. */
const PLAIN: readonly Loss[] = [
  { name: 'takes nothing', names: all, keeps: () => true },
  { name: 'takes all that was not synced', names: () => 0, keeps: () => false },
  { name: 'takes the last write', names: all, keeps: (index, count) => index < count - 1 },
  { name: 'takes the first write', names: all, keeps: (index) => index > 0 },
  {
    name: 'tears the last write',
    names: all,
    keeps: (index, count) => (index < count - 1 ? true : (sector) => sector % 2 === 0),
  },
]

/** The plain losses and `more` random ones; where nothing can be lost, the first alone. */
export function lossesOf(uncertain: number, chance: Chance, more: number): Loss[] {
  if (uncertain === 0) return PLAIN.slice(0, 1)
  return [...PLAIN, ...Array.from({ length: more }, () => randomLoss(chance))]
}

function randomLoss(chance: Chance): Loss {
  const share = chance.next()
  const torn = chance.next() / 2
  return {
    name: `takes ${Math.round((1 - share) * 100)} % of the writes, and tears ${Math.round(torn * 100)} %`,
    names: (count) => chance.between(0, count + 1),
    keeps() {
      if (chance.next() < torn) return () => chance.next() < 0.5
      return chance.next() < share
    },
  }
}
