/** The door to the streams of what may be no Millrace server. */
import { once } from 'node:events'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CommandError } from '../../src/cli/command-error.ts'
import { StreamDoor } from '../../src/cli/stream-door.ts'

/** A door to a server that answers all requests alike. */
async function doorTo(answer: (response: ServerResponse) => void): Promise<StreamDoor> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return new StreamDoor({ url: `http://127.0.0.1:${port}/streams`, headers: [] })
}

const answering =
  (type: string, text: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(200, { 'content-type': type, ...headers }).end(text)

const REQUESTS: Readonly<Record<string, (door: StreamDoor) => Promise<unknown>>> = {
  list: (door) => Array.fromAsync(door.list('')),
  read: (door) => door.read('s', 'start'),
  stop: (door) => door.stop('s'),
  delete: (door) => door.delete('s'),
}

async function refused(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof CommandError) return error.message
  throw new Error('It was not refused', { cause: error })
}

describe.each(Object.entries(REQUESTS))('%s', (_name, ask) => {
  it.each([
    ['{"status":"ok"}', 'application/json'],
    ['null', 'application/json'],
    ['[]', 'application/json'],
    ['{"streams":[{"id":"s"}],"status":1}', 'application/json'],
    ['{"streams":[],"next":1}', 'application/json'],
    ['{', 'application/json'],
    ['<html>', 'text/html'],
  ])('takes %s for no answer of a Millrace server', async (text, type) => {
    const door = await doorTo(answering(type, text))
    expect(await refused(ask(door))).toBe(
      `${door.base} gave no answer of a Millrace server; --url says where one is`,
    )
  })

  it('says that an answer was cut off', async () => {
    const door = await doorTo((response) => {
      const headers = { 'content-type': 'application/json', 'content-length': 100 }
      response.writeHead(200, headers).write('[', () => response.destroy())
    })
    expect(await refused(ask(door))).toMatch(/^http:\S+ does not answer \(\w+\); --url says where/)
  })
})

it('takes no records out of what is no array of them', async () => {
  const headers = { 'stream-next-offset': '0000000000000002_k3j9x2a1bc' }
  const door = await doorTo(answering('application/json', '{}', headers))
  expect(await refused(door.read('s', 'start'))).toMatch(/gave no answer of a Millrace server/)
})
