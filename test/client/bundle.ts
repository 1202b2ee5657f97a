/** What a page loads of the package. */
import { rolldown } from 'rolldown'

/** One entry and all it imports but React, as a bundler makes it for browsers. */
export async function bundle(entry: string): Promise<{ code: string; imports: string[] }> {
  const build = await rolldown({ input: entry, external: [/^react/], platform: 'browser' })
  const { output } = await build.generate({ format: 'es', minify: true })
  await build.close()
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error(`${entry} became ${output.length} files`)
  return { code: chunk.code, imports: chunk.imports }
}
