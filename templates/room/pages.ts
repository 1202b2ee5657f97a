import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { HttpHandler } from 'millrace'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** Serves a file of public/. Each has a route of its own, so no path reaches any other file. */
export function page(name: string): HttpHandler {
  const file = new URL(`./public/${name}`, import.meta.url)
  return async () =>
    new Response(await readFile(file), {
      headers: {
        'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
        'content-security-policy':
          "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
      },
    })
}
