/** The page that tests of the chat open in a browser, with the history as an application would give it. */
import type { Chats } from '../../../src/chats/chats.ts'
import { type Route, http } from '../../../src/index.ts'

const PAGE =
  '<!doctype html><title>Chat</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>'

/** @param script `test/browser/pages/chat.ts`, bundled. */
export function pageRoutes(script: string, chats: () => Chats): Route[] {
  return [
    http('/', file(PAGE, 'text/html')),
    http('/page.js', file(script, 'text/javascript')),
    http('/history/:id', async (_request, { params }) => {
      const chat = await chats().get(params.id)
      return Response.json(chat?.messages.map(({ message }) => message) ?? [])
    }),
  ]
}

function file(body: string, type: string) {
  return () => new Response(body, { headers: { 'content-type': type } })
}
