/** An application that was closed is not served again. */
import { createServer } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { memory, millrace, silentLogger } from '../../src/index.ts'

const CLOSED = { code: 'closed', message: 'This application was closed: make another one with millrace()' }

it('neither listens nor attaches', async () => {
  const app = millrace({ logger: silentLogger })
  await app.close()
  await expect(app.listen({ port: 0 })).rejects.toMatchObject(CLOSED)
  expect(() => app.attach(createServer())).toThrow(expect.objectContaining(CLOSED) as Error)
})

it('a close while it begins to listen leaves no server behind', async () => {
  const app = millrace({ store: memory(), logger: silentLogger })
  const listening = app.listen({ port: 0 })
  onTestFinished(() => listening.then((running) => running.close()).catch(() => undefined))
  await app.close()
  await expect(listening).rejects.toMatchObject(CLOSED)
})

it('one that was evaluated again is closed with the other', async () => {
  const options = { name: 'closed twice', store: memory(), logger: silentLogger }
  const [app, again] = [millrace(options), millrace(options)]
  await app.close()
  await expect(again.listen({ port: 0 })).rejects.toMatchObject(CLOSED)
  await again.close()
})
