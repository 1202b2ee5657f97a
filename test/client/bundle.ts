/** What a page loads of the package. */
import { build } from 'vite'

/** One entry and all that it imports but `external`, in one file, as a bundler makes it for browsers. */
export async function bundle(entry: string, external: readonly string[] = []): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: entry, external: [...external], preserveEntrySignatures: 'strict' },
    },
  })
  const outputs = [result].flat().flatMap((one) => ('output' in one ? one.output : []))
  const [chunk, ...others] = outputs
  if (chunk?.type !== 'chunk' || others.length > 0) throw new Error(`${entry} became ${outputs.length} files`)
  return chunk.code
}
