/** Requests of a page, by a network that is slow. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { ChatClient } from '../../../src/client/chat/index.ts'

test('a large picture has the time that it takes to go up', async () => {
  let requests = 0
  // It takes 100 s, however much it is.
  const slow: typeof fetch = (_url, { signal } = {}) =>
    new Promise((resolve, reject) => {
      requests++
      const up = setTimeout(() => resolve(Response.json({ run: 'r', status: 'running' })), 100_000)
      signal?.addEventListener('abort', () => {
        clearTimeout(up)
        reject(signal.reason as Error)
      })
    })
  const message = (text: string) => ({ id: 'm1', role: 'user', parts: [{ type: 'text', text }] })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const client = new ChatClient({ api: 'http://127.0.0.1:1/api/chat', fetch: slow })
  const large = client.send('c1', { message: message('x'.repeat(2_000_000)) })
  await vi.advanceTimersByTimeAsync(100_000)
  expect(await large).toMatchObject({ run: 'r' })
  expect(requests).toBe(1)
  const small = client.send('c2', { message: message('x') })
  await vi.advanceTimersByTimeAsync(100_000)
  // A server that says nothing to a small one is asked again.
  expect(requests).toBeGreaterThan(2)
  client.close()
  await expect(small).rejects.toMatchObject({ code: 'closed' })
})
