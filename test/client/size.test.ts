/** The byte budget of what pages load: raise it on purpose, or not at all. */
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundle } from './bundle.ts'

it.each([
  { entry: 'src/client/index.ts', budget: 5_760, imports: [] },
  { entry: 'src/react/index.ts', budget: 6_800, imports: ['react'] },
])('$entry is at most $budget bytes, minified and gzipped', async ({ entry, budget, imports }) => {
  const made = await bundle(entry)
  const { length } = gzipSync(made.code, { level: 9 })
  expect(length).toBeLessThanOrEqual(budget)
  // A budget that nothing comes near holds nothing.
  expect(length).toBeGreaterThan(budget * 0.9)
  expect(made.imports).toEqual(imports)
})
