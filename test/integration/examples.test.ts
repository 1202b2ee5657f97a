/** The examples run as their first lines say. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Example } from '../support/example.ts'

/** Sends one message and returns so many that come back. */
async function exchange(url: string, message: object | string, count: number): Promise<string[]> {
  const socket = new WebSocket(url.replace('http', 'ws'))
  await once(socket, 'open')
  socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  const answers: string[] = []
  while (answers.length < count) answers.push(String((await once(socket, 'message'))[0]))
  socket.close()
  await once(socket, 'close')
  return answers
}

test('plain http: its answer and the WebSocket', async () => {
  await using example = await Example.start(['examples/plain-http/server.ts'])
  const { url } = example
  expect(await (await fetch(url)).text()).toContain('node:http answers')
  expect(await exchange(`${url}/ws/echo/`, 'hello', 1)).toEqual(['hello'])
})

test('hono: its routes and the WebSocket', async () => {
  await using example = await Example.start([
    'src/cli/main.ts',
    'serve',
    'examples/hono/app.ts',
    '--port',
    '0',
  ])
  const { url } = example
  expect(await (await fetch(url)).text()).toContain('Hono answers')
  expect(await (await fetch(`${url}/api/time`)).json()).toHaveProperty('now')
  const rooms = ['blue', encodeURIComponent('Café ☕ & friends'), encodeURIComponent('長い名前'.repeat(40))]
  for (const room of rooms) {
    expect(await exchange(`${url}/ws/rooms/${room}/`, { text: 'hi' }, 1)).toEqual(['{"text":"hi"}'])
  }
})
