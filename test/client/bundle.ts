/** What a page loads. */
import { build, defaultClientConditions } from 'vite'

export interface BundleOptions {
  readonly external?: readonly string[]
  /** Of React: only its development build mounts everything twice in StrictMode. */
  readonly mode?: 'production' | 'development'
}

/** One entry and all that it imports, in one file, as a bundler makes it for browsers. */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<string> {
  const { external = [], mode = 'production' } = options
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['millrace:source', ...defaultClientConditions] },
    define: { 'process.env.NODE_ENV': JSON.stringify(mode) },
    build: {
      write: false,
      minify: mode === 'production',
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
