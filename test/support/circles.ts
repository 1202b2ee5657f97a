/** Files that import each other in a circle, values or types. */
import { posix } from 'node:path'
import type { SourceFile } from './source-file.ts'

/** Each circle as the sorted paths of its files: those that reach each other through imports. Tarjan's algorithm. */
export function circlesIn(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const mine = order.size
    order.set(path, mine)
    lowest.set(path, mine)
    stack.push(path)
    const targets = targetsOf(byPath.get(path)).filter((target) => byPath.has(target))
    for (const target of targets) {
      // A file that left the stack belongs to a circle that is known already, or to none.
      const seen = order.has(target)
        ? stack.includes(target)
          ? order.get(target)
          : undefined
        : visit(target)
      lowest.set(path, Math.min(lowest.get(path) ?? mine, seen ?? mine))
    }
    const low = lowest.get(path) ?? mine
    if (low === mine) {
      const circle = stack.splice(stack.indexOf(path))
      if (circle.length > 1 || targets.includes(path)) circles.push(circle.toSorted())
    }
    return low
  }
  for (const { path } of files) if (!order.has(path)) visit(path)
  return circles
}

function targetsOf(file: SourceFile | undefined): string[] {
  if (!file) return []
  return file.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => posix.join(posix.dirname(file.path), specifier))
}
