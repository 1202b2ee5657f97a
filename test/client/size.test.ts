/**
 * The byte budget of what pages load: raise it on purpose, or not at all. Of the client's, 2,500 are the way
 * over HTTP with its polls, why a server refuses and a connection is lost, sign-outs, tokens, and room for commands.
 */
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundle } from './bundle.ts'

it.each([
  { entry: 'src/client/index.ts', budget: 9_310 },
  { entry: 'src/react/index.ts', budget: 10_600 },
  // The client is in it.
  { entry: 'src/client/chat/index.ts', budget: 16_500 },
  // The chats of the client are in it, and no useChat.
  { entry: 'src/react/chat/index.ts', budget: 20_000 },
])('$entry is at most $budget bytes, minified and gzipped', async ({ entry, budget }) => {
  const { length } = gzipSync(await bundle(entry, { external: ['react', 'ai', '@ai-sdk/react'] }), {
    level: 9,
  })
  expect(length).toBeLessThanOrEqual(budget)
  // A budget that nothing comes near holds nothing.
  expect(length).toBeGreaterThan(budget * 0.9)
})
