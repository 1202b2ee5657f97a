import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { HttpHandler } from 'millrace'

const DIST = join(import.meta.dirname, 'dist')

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** What `npm run build` wrote. In development Vite serves the page. */
const files = new Set(existsSync(DIST) ? readdirSync(DIST, { recursive: true }).map(String) : [])

export const page: HttpHandler<{ path: string }> = async (_request, { params }) => {
  const name = params.path || 'index.html'
  // Only what is there by this very name is read.
  if (!files.has(name) || !TYPES[extname(name)])
    return new Response(files.size > 0 ? 'Not found\n' : 'Run npm run build first\n', { status: 404 })
  return new Response(await readFile(join(DIST, name)), {
    headers: {
      'content-type': TYPES[extname(name)] ?? '',
      'content-security-policy':
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      // Vite puts a hash of their content into the names of assets.
      'cache-control': name.startsWith('assets') ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
    },
  })
}
