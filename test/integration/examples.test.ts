/** The examples run as their first lines say. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'

let running: ChildProcess | undefined

afterEach(async () => {
  if (!running || running.exitCode !== null) return
  running.kill('SIGTERM')
  await once(running, 'exit')
})

/** Starts a program that prints the address it listens on, and waits for it. */
async function start(args: readonly string[]): Promise<string> {
  running = spawn('node', ['--conditions=millrace:source', ...args], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!running.stdout) throw new Error('no output')
  for await (const line of createInterface(running.stdout)) {
    const url = /https?:\/\/[\w.:]+/.exec(line)?.[0]
    if (url) return url
  }
  throw new Error('the program ended without saying where it listens')
}

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

test('express: its routes, ours, and the WebSocket', async () => {
  const url = await start(['examples/express/server.ts'])
  expect(await (await fetch(url)).text()).toContain('Express answers')
  expect(await (await fetch(`${url}/hello`)).text()).toBe('From Millrace\n')
  expect((await fetch(`${url}/nothing`)).status).toBe(404)
  expect(await exchange(`${url}/ws/countdown/`, { from: 1 }, 2)).toEqual(['{"left":1}', '{"left":0}'])
})

test('plain http: its answer and the WebSocket', async () => {
  const url = await start(['examples/plain-http/server.ts'])
  expect(await (await fetch(url)).text()).toContain('node:http answers')
  expect(await exchange(`${url}/ws/echo/`, 'hello', 1)).toEqual(['hello'])
})

test('hono: its routes and the WebSocket', async () => {
  const url = await start(['src/cli/main.ts', 'serve', 'examples/hono/app.ts', '--port', '0'])
  expect(await (await fetch(url)).text()).toContain('Hono answers')
  expect(await (await fetch(`${url}/api/time`)).json()).toHaveProperty('now')
  const rooms = ['blue', encodeURIComponent('Café ☕ & friends'), encodeURIComponent('長い名前'.repeat(40))]
  for (const room of rooms) {
    expect(await exchange(`${url}/ws/rooms/${room}/`, { text: 'hi' }, 1)).toEqual(['{"text":"hi"}'])
  }
})
