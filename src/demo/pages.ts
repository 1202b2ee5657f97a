/** The pages that `millrace serve` shows, as built into dist/web. */
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { HttpContext } from '../routing/route.ts'
import { rememberGuest } from './guests.ts'
import { readPageFiles } from './page-files.ts'
import { HttpError } from '../protocol/errors.ts'

/** The same from src/demo and from dist/demo. */
const PAGES = fileURLToPath(new URL('../../dist/web/', import.meta.url))

/** Built assets may be cached for long, because their names contain a hash of their content. */
const ONE_YEAR = 31_536_000

export interface PagesOptions {
  /** Whether the chat is served, whose page is at `/chat`. */
  readonly hasChat: boolean
}

/** Makes an application that serves the pages. It answers 503 with instructions if they are not built. */
export function pages({ hasChat }: PagesOptions): Hono<{ Bindings: HttpContext }> {
  const app = new Hono<{ Bindings: HttpContext }>()
  app.notFound(({ req }) => new HttpError('route_not_found', `Nothing is served at ${req.path}`).toResponse())
  if (!existsSync(PAGES)) {
    return app.get('/', (context) => context.text('The pages are not built. Run: npm run build\n', 503))
  }
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        // Images that are in the messages themselves. Nothing is loaded from elsewhere.
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'same-origin',
      // A server on this machine has no certificate.
      strictTransportSecurity: false,
    }),
  )
  app.use('/assets/*', async (context, next) => {
    await next()
    if (context.res.ok) context.header('cache-control', `public, max-age=${ONE_YEAR}, immutable`)
  })
  app.use('*', async (context, next) => {
    await next()
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-cache')
  })
  const files = readPageFiles(PAGES)
  const chat = files.get('/chat.html')
  app.get('/chat', (context) => {
    if (!hasChat) return context.text('The chat needs the package ai. Run: npm install ai\n', 503)
    if (chat === undefined) return context.notFound()
    rememberGuest(context)
    context.header('cache-control', 'private, no-cache')
    return context.body(chat.body, 200, { 'content-type': chat.type })
  })
  // The files of the page are named relative to it.
  app.get('/chat/', (context) => context.redirect('../chat'))
  app.get('*', (context) => {
    const { path } = context.req
    const file = files.get(path.endsWith('/') ? `${path}index.html` : path)
    if (!file) return context.notFound()
    return context.body(file.body, 200, { 'content-type': file.type })
  })
  return app
}
