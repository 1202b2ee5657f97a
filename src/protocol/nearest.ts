/** The known name that is nearest to an unknown one, for the error to suggest. */

/** A longer name is compared with nothing: the work grows with the product of the lengths. */
const LONGEST = 64

/** A name this short is found inside too many others. */
const SHORTEST_PART = 4

/**
 * The one of `names` that is most like `name`: the same but for case, dashes and underscores; one that
 * contains it or is contained in it; or one that a third of its letters, at most, separate from it. Of
 * equals, the first.
 */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const asked = lettersOf(name)
  if (asked.length > LONGEST) return undefined
  let best: string | undefined
  let least = Infinity
  for (const candidate of names) {
    const difference = differenceOf(asked, lettersOf(candidate))
    if (difference >= least) continue
    best = candidate
    least = difference
  }
  return best
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]/g, '')
}

/** `Infinity` for names that have nothing to do with each other. */
function differenceOf(asked: string, candidate: string): number {
  const longer = Math.max(asked.length, candidate.length)
  if (longer > LONGEST) return Infinity
  const edits = editsBetween(asked, candidate)
  if (edits <= longer / 3) return edits
  const shorter = Math.min(asked.length, candidate.length)
  const contained = asked.includes(candidate) || candidate.includes(asked)
  return contained && shorter >= SHORTEST_PART ? edits : Infinity
}

/** Letters to add, leave out, replace, or swap with their neighbour, to make one text of the other. */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      let edits = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) edits = Math.min(edits, at(beforeLast, column - 2) + 1)
      current.push(edits)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
